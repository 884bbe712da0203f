// Package scan reads an OTLP body without building its messages: how deep attribute values nest, how many messages
// there are, and which service sent it. Decoding a body first would cost the memory that the limits protect.
package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits of one body.
type Limits struct {
	Nesting  int // lists and maps within each other in an attribute value
	Messages int // messages of any kind
}

// Result is what a scan has found, also when it ends with an error.
type Result struct {
	Service  string // service.name of the first resource, if the scan reached it
	Messages int
}

var (
	// ErrNesting is returned for attribute values that nest too deeply.
	ErrNesting = errors.New("attribute values nest too deeply")
	// ErrMessages is returned for a body with too many messages.
	ErrMessages = errors.New("too many messages in one body")
	// ErrMalformed is returned for a body that is not OTLP.
	ErrMalformed = errors.New("the body is not OTLP")
)

// A kind is a message of OTLP, or text.
type kind uint8

const (
	leaf kind = iota
	metricsRequest
	resourceMetrics
	tracesRequest
	resourceSpans
	resource
	entity
	scopeMetrics
	scopeSpans
	scope
	metric
	gauge // also sum
	histogram
	exponential
	summary
	number
	histogramPoint
	exponentialPoint
	summaryPoint
	plain // a message that contains no other message
	exemplar
	span
	event
	link
	attribute
	value
	list
	pairs
)

// children are the kinds of a message's fields, by field number; 0 is text or a number.
// Source: opentelemetry-proto 1.x.
var children = [...]map[uint64]kind{
	metricsRequest:   {1: resourceMetrics},
	resourceMetrics:  {1: resource, 2: scopeMetrics},
	tracesRequest:    {1: resourceSpans},
	resourceSpans:    {1: resource, 2: scopeSpans},
	resource:         {1: attribute, 3: entity},
	entity:           {3: plain, 4: plain},
	scopeMetrics:     {1: scope, 2: metric},
	scopeSpans:       {1: scope, 2: span},
	scope:            {3: attribute},
	metric:           {5: gauge, 7: gauge, 9: histogram, 10: exponential, 11: summary, 12: attribute},
	gauge:            {1: number},
	histogram:        {1: histogramPoint},
	exponential:      {1: exponentialPoint},
	summary:          {1: summaryPoint},
	number:           {5: exemplar, 7: attribute},
	histogramPoint:   {8: exemplar, 9: attribute},
	exponentialPoint: {1: attribute, 8: plain, 9: plain, 11: exemplar},
	summaryPoint:     {6: plain, 7: attribute},
	exemplar:         {7: attribute},
	span:             {9: attribute, 11: event, 13: link, 15: plain},
	event:            {3: attribute},
	link:             {4: attribute},
	attribute:        {2: value},
	value:            {5: list, 6: pairs},
	list:             {1: value},
	pairs:            {1: attribute},
}

// Metrics scans a request with metrics in protobuf.
func Metrics(body []byte, limits Limits) (Result, error) {
	return protobuf(body, metricsRequest, limits)
}

// Traces scans a request with spans in protobuf.
func Traces(body []byte, limits Limits) (Result, error) { return protobuf(body, tracesRequest, limits) }

type scanner struct {
	limits Limits
	result Result
}

func protobuf(body []byte, request kind, limits Limits) (Result, error) {
	s := scanner{limits: limits}
	err := s.message(body, request, 0)
	return s.result, err
}

func (s *scanner) message(data []byte, of kind, depth int) error {
	fields := map[uint64]kind(nil)
	if int(of) < len(children) {
		fields = children[of]
	}
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return ErrMalformed
		}
		data = data[n:]
		switch tag & 7 {
		case 0:
			if _, n = binary.Uvarint(data); n <= 0 {
				return ErrMalformed
			}
		case 1:
			n = 8
		case 5:
			n = 4
		case 2:
			length, size := binary.Uvarint(data)
			if size <= 0 || length > uint64(len(data)-size) {
				return ErrMalformed
			}
			content := data[size : size+int(length)]
			if child := fields[tag>>3]; child != leaf {
				if err := s.child(content, of, child, depth); err != nil {
					return err
				}
			}
			n = size + len(content)
		default: // groups, which OTLP does not have
			return ErrMalformed
		}
		if n > len(data) {
			return ErrMalformed
		}
		data = data[n:]
	}
	return nil
}

func (s *scanner) child(content []byte, parent, of kind, depth int) error {
	if s.result.Messages++; s.result.Messages > s.limits.Messages {
		return fmt.Errorf("%w: more than %d", ErrMessages, s.limits.Messages)
	}
	if of == list || of == pairs {
		if depth++; depth > s.limits.Nesting {
			return fmt.Errorf("%w: more than %d levels", ErrNesting, s.limits.Nesting)
		}
	}
	if parent == resource && of == attribute && s.result.Service == "" {
		s.result.Service = service(content)
	}
	if of == plain {
		return nil
	}
	return s.message(content, of, depth)
}

// service returns the text of an attribute service.name, and "" for another attribute.
func service(attribute []byte) string {
	const head = "\x0a\x0cservice.name\x12"
	if len(attribute) < len(head) || string(attribute[:len(head)]) != head {
		return ""
	}
	inner := attribute[len(head):]
	if _, n := binary.Uvarint(inner); n > 0 && len(inner) > n+1 && inner[n] == 0x0a {
		inner = inner[n+1:]
		if length, n := binary.Uvarint(inner); n > 0 && length <= uint64(len(inner)-n) {
			return string(inner[n : n+int(length)])
		}
	}
	return ""
}

// JSON scans a request in JSON. One level of a list within a list has three levels of brackets.
func JSON(body []byte, limits Limits) (Result, error) {
	if !utf8.Valid(body) { // the receiver would answer 500: it cannot encode its own message about it
		return Result{}, fmt.Errorf("%w: JSON must be UTF-8", ErrMalformed)
	}
	const frame = 16 // brackets around an attribute value: resource, scope, metric, data, point …
	most, depth, messages, text := 3*limits.Nesting+frame, 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return Result{Messages: messages}, fmt.Errorf("%w: more than %d levels", ErrNesting, limits.Nesting)
			}
			if messages++; messages > limits.Messages {
				return Result{Messages: messages}, fmt.Errorf("%w: more than %d", ErrMessages, limits.Messages)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return Result{Messages: messages}, nil
}
