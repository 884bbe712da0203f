package bodyguard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
	"github.com/signalscope/signalscope/collector/components/guard/internal/scan"
)

var _ extensionmiddleware.HTTPServer = (*guard)(nil)

// GetHTTPHandler returns a handler that sees each body after decompression.
func (g *guard) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, next) }), nil
	}, nil
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	scanned := scanOf(kind, r.URL.Path)
	if scanned == nil || r.Method != http.MethodPost {
		next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			found, _ := scanned(body, g.limits)
			g.refuse(w, kind, http.StatusRequestEntityTooLarge, codes.InvalidArgument, "body_size", found.Service,
				fmt.Sprintf("the body has more than %d bytes; send smaller batches", large.Limit))
			return
		}
		g.refuse(w, kind, http.StatusBadRequest, codes.InvalidArgument, "unreadable", "", err.Error())
		return
	}
	found, err := scanned(body, g.limits)
	if err != nil {
		g.refuse(w, kind, http.StatusBadRequest, codes.InvalidArgument, reason(err), found.Service, err.Error())
		return
	}
	weight := g.enter(r.Context(), len(body), found)
	if weight == 0 {
		w.Header().Set("Retry-After", "5")
		g.refuse(w, kind, http.StatusServiceUnavailable, codes.Unavailable, "busy", found.Service, busy)
		return
	}
	defer g.room.Release(weight)
	r.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(&answer{ResponseWriter: w, code: http.StatusOK, refuse: func() {
		g.refuse(w, kind, http.StatusBadRequest, codes.InvalidArgument, "malformed", found.Service, "the body is not OTLP")
	}}, r)
}

// answer replaces the receiver's status 500 for some bodies that it cannot decode: its message quotes bytes of the
// body, and cannot be encoded if they are not UTF-8. A sender would take 500 for the Collector's fault.
type answer struct {
	http.ResponseWriter
	code   int
	refuse func()
}

func (a *answer) WriteHeader(code int) { a.code = code }

func (a *answer) Write(body []byte) (int, error) {
	if a.code == http.StatusInternalServerError && bytes.Contains(body, []byte("failed to marshal error message")) {
		a.refuse()
		return len(body), nil
	}
	a.ResponseWriter.WriteHeader(a.code)
	return a.ResponseWriter.Write(body)
}

const busy = "the Collector processes too many bodies; retry later"

// scanOf returns the scan for a content type and path; nil for what the receiver refuses itself.
func scanOf(kind, path string) func([]byte, scan.Limits) (scan.Result, error) {
	switch {
	case kind == "application/json":
		return scan.JSON
	case kind != "application/x-protobuf":
		return nil
	case strings.HasSuffix(path, "/metrics"):
		return scan.Metrics
	case strings.HasSuffix(path, "/traces"):
		return scan.Traces
	default:
		return nil
	}
}

// refuse answers with the status message of OTLP, in the encoding of the request.
func (g *guard) refuse(w http.ResponseWriter, kind string, httpCode int, code codes.Code, reason, service, text string) {
	if service == "" {
		service = count.Unknown
	}
	g.counters.Body(reason, service)
	message := status.New(code, strings.ToValidUTF8(text, "")).Proto()
	encode := proto.Marshal
	if kind == "application/json" {
		encode = protojson.Marshal
	}
	body, _ := encode(message)
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(httpCode)
	_, _ = w.Write(body)
}
