package scrapeguard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, config *Config, page http.HandlerFunc) *httptest.Server {
	t.Helper()
	wrap, err := newGuard(config).GetHTTPHandler(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	handler, err := wrap(context.Background(), page)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// The third scrape waits for its turn, and is refused if there is none in time.
func TestOnlySomePagesAreWrittenAtOnce(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{}, 9)
	server := serve(t, &Config{Scrapes: 2, Wait: 50 * time.Millisecond}, func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-release
	})
	ended := make(chan int, 2)
	for range 2 {
		go func() {
			answer, err := http.Get(server.URL)
			if err != nil {
				ended <- 0
				return
			}
			answer.Body.Close()
			ended <- answer.StatusCode
		}()
		<-begun
	}
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || len(text) == 0 {
		t.Errorf("status %d, %q", answer.StatusCode, text)
	}
	close(release)
	for range 2 {
		if status := <-ended; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	answer, err = http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards: status %d", answer.StatusCode)
	}
}

// The page of a reader that has left ends, although its writer ignores errors, and its place is free again.
func TestAPageEndsWhenItsReaderLeaves(t *testing.T) {
	var written atomic.Int64
	ended := make(chan struct{})
	server := serve(t, &Config{Scrapes: 1, Wait: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			return
		}
		defer close(ended)
		for {
			_, _ = w.Write(make([]byte, 1<<16))
			written.Add(1)
		}
	})
	ctx, leave := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	answer.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatalf("the page goes on: %d writes", written.Load())
	}
	short, err := http.Get(server.URL + "/short")
	if err != nil {
		t.Fatal(err)
	}
	short.Body.Close()
}

func TestLimitsAreChecked(t *testing.T) {
	if (&Config{Scrapes: 0, Wait: time.Second}).Validate() == nil {
		t.Error("no scrape at all is accepted")
	}
}
