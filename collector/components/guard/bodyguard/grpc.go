package bodyguard

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
	"github.com/signalscope/signalscope/collector/components/guard/internal/scan"
)

var _ extensionmiddleware.GRPCServer = (*guard)(nil)

// GetGRPCServerOptions returns options that see each message before it is decoded, and that keep a panic from ending
// the process.
//
// A codec's error would reach the client as Internal. So the codec notes its refusal, and the interceptor, which gets
// the same message, answers.
func (g *guard) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	c := &codec{CodecV2: encoding.GetCodecV2("proto"), guard: g}
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(c),
		grpc.UnaryInterceptor(c.intercept), // before those of authentication
		grpc.StatsHandler(sizes{g.counters}),
	}, nil
}

type codec struct {
	encoding.CodecV2
	guard   *guard
	entered sync.Map // message -> admission
}

// admission is what the codec found about a message.
type admission struct {
	weight  int64
	refusal error
}

func (c *codec) Unmarshal(data mem.BufferSlice, v any) (err error) {
	scanned := scan.Metrics
	switch name := reflect.TypeOf(v).String(); {
	case strings.Contains(name, "ExportTraceServiceRequest"):
		scanned = scan.Traces
	case !strings.Contains(name, "ExportMetricsServiceRequest"):
		return c.CodecV2.Unmarshal(data, v)
	}
	body := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer body.Free()
	found, refusal := scanned(body.ReadOnlyData(), c.guard.limits)
	if refusal != nil {
		c.guard.counters.Body(reason(refusal), named(found.Service))
		c.entered.Store(v, admission{refusal: status.Error(codes.InvalidArgument, refusal.Error())})
		return nil
	}
	weight := c.guard.enter(context.Background(), body.Len(), found)
	if weight == 0 {
		c.guard.counters.Body("busy", named(found.Service))
		c.entered.Store(v, admission{refusal: status.Error(codes.Unavailable, busy)})
		return nil
	}
	admitted := admission{weight: weight}
	defer func() {
		if problem := recover(); problem != nil {
			c.guard.counters.Body("malformed", named(found.Service))
			err = fmt.Errorf("%w: %v", scan.ErrMalformed, problem)
		}
		if err != nil {
			c.guard.room.Release(weight)
			admitted = admission{refusal: status.Error(codes.InvalidArgument, err.Error())}
			err = nil
		}
		c.entered.Store(v, admitted)
	}()
	return c.CodecV2.Unmarshal(mem.BufferSlice{mem.SliceBuffer(body.ReadOnlyData())}, v)
}

func (c *codec) intercept(
	ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (answer any, err error) {
	if noted, ok := c.entered.LoadAndDelete(request); ok {
		admitted := noted.(admission)
		if admitted.refusal != nil {
			return nil, admitted.refusal
		}
		defer c.guard.room.Release(admitted.weight)
	}
	defer func() {
		if problem := recover(); problem != nil {
			c.guard.counters.Body("panic", count.Unknown)
			answer, err = nil, status.Errorf(codes.Internal, "the Collector cannot process this: %v", problem)
		}
	}()
	return next(ctx, request)
}

func named(service string) string {
	if service == "" {
		return count.Unknown
	}
	return service
}

// sizes counts messages over the receiver's limit of size, which no codec sees.
type sizes struct{ counters *count.Counters }

func (sizes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (sizes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (sizes) HandleConn(context.Context, stats.ConnStats)                       {}

func (s sizes) HandleRPC(_ context.Context, event stats.RPCStats) {
	if end, ok := event.(*stats.End); ok && status.Code(end.Error) == codes.ResourceExhausted &&
		strings.Contains(end.Error.Error(), "larger than max") {
		s.counters.Body("body_size", count.Unknown)
	}
}
