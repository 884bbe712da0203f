package bodyguard

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// ExportTraceServiceRequest has the name by which the codec knows the request of the receiver.
type ExportTraceServiceRequest struct{}

type decoder struct{ panics bool }

func (d decoder) Marshal(any) (mem.BufferSlice, error) { return nil, nil }
func (d decoder) Name() string                         { return "proto" }
func (d decoder) Unmarshal(mem.BufferSlice, any) error {
	if d.panics {
		panic("decoder")
	}
	return nil
}

func testGuard(t *testing.T) *guard {
	set := component.TelemetrySettings{MeterProvider: noop.NewMeterProvider(), Logger: zap.NewNop()}
	g, err := newGuard(set, &Config{Nesting: 2, Messages: 10, InFlightMiB: 1, Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var good, many = []byte("\x0a\x00"), bytes.Repeat([]byte("\x0a\x00"), 11)

func TestHTTP(t *testing.T) {
	for name, test := range map[string]struct {
		path, kind string
		body       []byte
		full       bool
		code       int
	}{
		"good":                 {"/v1/traces", "application/x-protobuf", good, false, 200},
		"good, with a charset": {"/v1/traces", "application/json; charset=utf-8", []byte("{}"), false, 200},
		"too many messages":    {"/v1/metrics", "application/x-protobuf", many, false, 400},
		"too deep":             {"/v1/metrics", "application/json", bytes.Repeat([]byte("["), 30), false, 400},
		"too large":            {"/v1/metrics", "application/x-protobuf", make([]byte, 2000), false, 413},
		"no room":              {"/v1/metrics", "application/x-protobuf", good, true, 503},
		"another signal":       {"/v1/logs", "application/x-protobuf", many, true, 200},
	} {
		g := testGuard(t)
		if test.full {
			_ = g.room.Acquire(context.Background(), g.most)
		}
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); !bytes.Equal(body, test.body) {
				t.Errorf("%s: the receiver got %q", name, body)
			}
		})
		wrap, _ := g.GetHTTPHandler(context.Background())
		handler, _ := wrap(context.Background(), next)
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, test.path, bytes.NewReader(test.body))
		request.Header.Set("Content-Type", test.kind)
		request.Body = http.MaxBytesReader(answer, request.Body, 1000)
		handler.ServeHTTP(answer, request)
		if answer.Code != test.code {
			t.Errorf("%s: %d, not %d", name, answer.Code, test.code)
		}
		if test.code == 503 && answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
		if !test.full && !g.room.TryAcquire(g.most) {
			t.Errorf("%s: the room was not released", name)
		}
	}
}

func TestAnAnswerThatTheReceiverCannotEncode(t *testing.T) {
	for text, code := range map[string]int{`{"code": 13, "message": "failed to marshal error message"}`: 400, "else": 500} {
		wrap, _ := testGuard(t).GetHTTPHandler(context.Background())
		handler, _ := wrap(context.Background(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(text))
		}))
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, "/v1/metrics", strings.NewReader("{}"))
		request.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(answer, request)
		if answer.Code != code || answer.Body.Len() == 0 {
			t.Errorf("%s: %d", text, answer.Code)
		}
	}
}

func TestGRPC(t *testing.T) {
	for name, test := range map[string]struct {
		decoder decoder
		body    []byte
		full    bool
		handler grpc.UnaryHandler
		code    codes.Code
	}{
		"good":                  {decoder{}, good, false, nil, codes.OK},
		"too many messages":     {decoder{}, many, false, nil, codes.InvalidArgument},
		"no room":               {decoder{}, good, true, nil, codes.Unavailable},
		"a panic when decoding": {decoder{panics: true}, good, false, nil, codes.InvalidArgument},
		"a panic later":         {decoder{}, good, false, func(context.Context, any) (any, error) { panic("later") }, codes.Internal},
	} {
		g := testGuard(t)
		if test.full {
			_ = g.room.Acquire(context.Background(), g.most)
		}
		if test.handler == nil {
			test.handler = func(context.Context, any) (any, error) { return nil, nil }
		}
		c := &codec{CodecV2: test.decoder, guard: g}
		request := &ExportTraceServiceRequest{}
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(test.body)}, request); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := c.intercept(context.Background(), request, nil, test.handler)
		if status.Code(err) != test.code || err != nil && strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%s: %v", name, err)
		}
		if !test.full && !g.room.TryAcquire(g.most) {
			t.Errorf("%s: the room was not released", name)
		}
	}
}

func TestLimitsAreRequired(t *testing.T) {
	if (&Config{}).Validate() == nil {
		t.Error("no limits were accepted")
	}
}
