// Package scrapeguard is an extension that bounds the work for pages of the Prometheus exporter.
//
// A scrape that takes longer than its timeout is asked for again, while the first page is still being written for a
// reader that has left. Without a limit such pages add up, and take the memory of the Collector.
package scrapeguard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
)

// Config has the limits.
type Config struct {
	// Scrapes is the number of pages that are written at the same time. Others wait.
	Scrapes int `mapstructure:"scrapes"`
	// Wait is how long a scrape waits before it is refused.
	Wait time.Duration `mapstructure:"wait"`
}

// Validate checks the limits.
func (c *Config) Validate() error {
	if c.Scrapes <= 0 || c.Wait <= 0 {
		return errors.New("scrapes and wait must be above 0 [SS786]")
	}
	return nil
}

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("scrape_guard"),
		func() component.Config { return &Config{Scrapes: 2, Wait: 5 * time.Second} },
		func(_ context.Context, _ extension.Settings, config component.Config) (extension.Extension, error) {
			return newGuard(config.(*Config)), nil
		},
		component.StabilityLevelBeta,
	)
}

type guard struct {
	component.StartFunc
	component.ShutdownFunc
	room chan struct{}
	wait time.Duration
}

var _ extensionmiddleware.HTTPServer = (*guard)(nil)

func newGuard(c *Config) *guard {
	return &guard{room: make(chan struct{}, c.Scrapes), wait: c.Wait}
}

// GetHTTPHandler returns a handler that limits the pages.
func (g *guard) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, next) }), nil
	}, nil
}

func (g *guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	late := time.NewTimer(g.wait)
	defer late.Stop()
	select {
	case g.room <- struct{}{}:
	case <-r.Context().Done():
		return
	case <-late.C:
		http.Error(w, "the Collector writes too many pages; scrape it less often, or lower the limits of series [SS787]",
			http.StatusServiceUnavailable)
		return
	}
	defer func() { <-g.room }()
	next.ServeHTTP(&page{w, r.Context()}, r)
}

// page ends as soon as its reader has left.
type page struct {
	http.ResponseWriter
	reader context.Context
}

func (p *page) Write(body []byte) (int, error) {
	if p.reader.Err() != nil {
		// An error would not end it: the exporter goes on with the next metric.
		panic(http.ErrAbortHandler)
	}
	return p.ResponseWriter.Write(body)
}
