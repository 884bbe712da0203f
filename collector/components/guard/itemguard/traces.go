package itemguard

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// scopeOf makes a scope fit, and returns the number of changes.
func (g guard) scopeOf(scope pcommon.InstrumentationScope) int {
	changes, _ := g.tidy(scope.Attributes(), g.Value)
	return changes + cutTo(scope.Name(), g.Name, scope.SetName) + cutTo(scope.Version(), g.Name, scope.SetVersion)
}

func (g guard) traces(_ context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	traces.ResourceSpans().RemoveIf(func(resource ptrace.ResourceSpans) bool {
		service, reason := g.identity(resource.Resource().Attributes())
		if reason != "" {
			spans := 0
			for i := 0; i < resource.ScopeSpans().Len(); i++ {
				spans += resource.ScopeSpans().At(i).Spans().Len()
			}
			g.counters.Refused(reason, service, spans)
			return true
		}
		changes, overflow, refused, now := 0, 0, 0, time.Now()
		instance := ""
		if value, ok := resource.Resource().Attributes().Get("service.instance.id"); ok {
			instance = value.AsString()
		}
		for i := 0; i < resource.ScopeSpans().Len(); i++ {
			scope := resource.ScopeSpans().At(i)
			changes += g.scopeOf(scope.Scope())
			changes += cutTo(scope.SchemaUrl(), g.Value, scope.SetSchemaUrl)
			scope.Spans().RemoveIf(func(span ptrace.Span) bool {
				changes += g.span(span)
				renamed, fits := g.kinds.rename(service, instance, span, now)
				if renamed && fits {
					overflow++
				} else if !fits {
					refused++
				}
				return !fits
			})
		}
		g.counters.Overflow("span_kinds", service, overflow)
		g.counters.Refused("span_kinds", service, refused)
		g.counters.Cut("span", service, changes)
		return false
	})
	if traces.ResourceSpans().Len() == 0 {
		return traces, processorhelper.ErrSkipProcessingData
	}
	return traces, nil
}

func (g guard) span(span ptrace.Span) int {
	changes, dropped := g.tidy(span.Attributes(), g.SpanText)
	span.SetDroppedAttributesCount(span.DroppedAttributesCount() + uint32(dropped))
	changes += cutTo(span.Name(), g.Name, span.SetName)
	changes += cutTo(span.Status().Message(), g.SpanText, span.Status().SetMessage)
	changes += cutTo(span.TraceState().AsRaw(), g.Value, span.TraceState().FromRaw)
	if span.EndTimestamp() < span.StartTimestamp() { // the duration would wrap to centuries
		span.SetEndTimestamp(span.StartTimestamp())
		changes++
	}
	events := 0
	span.Events().RemoveIf(func(event ptrace.SpanEvent) bool {
		if events++; events > g.SpanItems {
			return true
		}
		n, _ := g.tidy(event.Attributes(), g.SpanText)
		changes += n + cutTo(event.Name(), g.Name, event.SetName)
		return false
	})
	links := 0
	span.Links().RemoveIf(func(link ptrace.SpanLink) bool {
		if links++; links > g.SpanItems {
			return true
		}
		n, _ := g.tidy(link.Attributes(), g.SpanText)
		changes += n + cutTo(link.TraceState().AsRaw(), g.Value, link.TraceState().FromRaw)
		return false
	})
	lost := max(events-g.SpanItems, 0)
	span.SetDroppedEventsCount(span.DroppedEventsCount() + uint32(lost))
	changes += lost
	lost = max(links-g.SpanItems, 0)
	span.SetDroppedLinksCount(span.DroppedLinksCount() + uint32(lost))
	return changes + lost
}
