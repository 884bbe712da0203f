package queuestorage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const name = "exporter_otlp_traces"

var id = component.MustNewIDWithName("otlp", "traces")

// open starts the extension on a directory, and returns the value of a key, the log and the errors.
func open(t *testing.T, directory, set string) (string, string, error) {
	t.Helper()
	core, logged := observer.New(zap.InfoLevel)
	settings := extension.Settings{
		ID: component.MustNewID("queue_storage"),
		TelemetrySettings: component.TelemetrySettings{
			Logger: zap.New(core), MeterProvider: noop.NewMeterProvider(),
		},
	}
	ctx := context.Background()
	made, err := newQueue(ctx, settings, &Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(ctx, nil); err != nil {
		return "", "", err
	}
	client, err := made.GetClient(ctx, component.KindExporter, id, "")
	if err != nil {
		return "", "", err
	}
	defer client.Close(ctx)
	value, err := client.Get(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Set(ctx, "key", []byte(set)); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, entry := range logged.All() {
		text += entry.Message
	}
	return string(value), text, made.Shutdown(ctx)
}

func aside(t *testing.T, directory string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(directory, "*"+asideMark+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A queue keeps what it had; a file that is damaged in any place is kept under another name, with a message.
func TestCorruptedFiles(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"none":      func(all []byte) []byte { return all },
		"empty":     func([]byte) []byte { return nil },
		"text":      func([]byte) []byte { return []byte("not a database") },
		"random":    func(all []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(all)) },
		"zeros":     func(all []byte) []byte { return make([]byte, len(all)) },
		"truncated": func(all []byte) []byte { return all[:3*os.Getpagesize()] },
		"half":      func(all []byte) []byte { return all[:len(all)/2+100] },
		"pages": func(all []byte) []byte {
			for at := 2 * os.Getpagesize(); at < len(all); at++ {
				all[at] = 0xff
			}
			return all
		},
	}
	for what, act := range damage {
		t.Run(what, func(t *testing.T) {
			directory := t.TempDir()
			path := filepath.Join(directory, name)
			if _, _, err := open(t, directory, strings.Repeat("x", 100_000)); err != nil {
				t.Fatal(err)
			}
			all, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, act(all), 0o600); err != nil {
				t.Fatal(err)
			}
			value, text, err := open(t, directory, "new")
			if err != nil {
				t.Fatal(err)
			}
			isKept := what == "none"
			if isKept != (len(value) == 100_000) || !isKept && value != "" {
				t.Errorf("%d bytes are left", len(value))
			}
			isAside := !isKept && what != "empty"
			if isAside != (len(aside(t, directory)) == 1) || isAside != strings.Contains(text, "[SS791]") {
				t.Errorf("set aside: %v; log: %s", aside(t, directory), text)
			}
			if value, _, _ = open(t, directory, ""); value != "new" {
				t.Errorf("the new queue has %q", value)
			}
		})
	}
}

// Only the newest file that was set aside is kept, so that they do not fill the volume.
func TestOneFileIsKept(t *testing.T) {
	directory := t.TempDir()
	for _, text := range []string{"first", "second", "third"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := open(t, directory, ""); err != nil {
			t.Fatal(err)
		}
	}
	found := aside(t, directory)
	if len(found) != 1 {
		t.Fatal(found)
	}
	if text, _ := os.ReadFile(found[0]); string(text) != "third" {
		t.Error(string(text))
	}
}

// A file whose check has ended the process twice is set aside: the third start succeeds.
func TestAFileThatEndsTheProcess(t *testing.T) {
	directory := t.TempDir()
	if _, _, err := open(t, directory, "old"); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(directory, name+openingSuffix)
	for ended, want := range map[string]string{".": "old", "..": ""} {
		if err := os.WriteFile(marker, []byte(ended), 0o600); err != nil {
			t.Fatal(err)
		}
		if value, _, err := open(t, directory, "old"); err != nil || value != want {
			t.Errorf("after %d ends: %q, %v", len(ended), value, err)
		}
		if _, err := os.Stat(marker); err == nil {
			t.Error("the marker is left")
		}
	}
}

// A queue that another Collector uses is neither shared nor set aside.
func TestAQueueInUse(t *testing.T) {
	directory := t.TempDir()
	if _, _, err := open(t, directory, "old"); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(directory, name), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := open(t, directory, "new"); err == nil || !strings.Contains(err.Error(), "another Collector") {
		t.Error(err)
	}
	if found := aside(t, directory); len(found) != 0 {
		t.Error(found)
	}
}

// What cannot be used is refused with the name of the variable.
func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for directory, want := range map[string]string{
		"":                  "",
		t.TempDir():         "",
		file:                directoryVariable + "=" + file,
		"/does/not/exist":   directoryVariable + "=/does/not/exist",
		"/proc/self/fdinfo": directoryVariable,
	} {
		err := (&Config{Directory: directory}).Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", directory, err)
		}
	}
	for stored, isAccepted := range map[any]bool{"queue_storage": true, "file_storage": false, nil: false} {
		config := confmap.NewFromStringMap(map[string]any{
			"exporters": map[string]any{
				"debug": nil, "otlp/traces": map[string]any{"sending_queue": map[string]any{"storage": stored}},
			},
		})
		used := &queue{id: component.MustNewID("queue_storage"), directory: "/queue"}
		err := used.NotifyConfigSnapshot(context.Background(), extensioncapabilities.NewConfigSnapshot(config, config))
		if (err == nil) != isAccepted {
			t.Errorf("%v: %v", stored, err)
		}
	}
	if _, _, err := open(t, "", ""); err == nil || !strings.Contains(err.Error(), directoryVariable) {
		t.Error(err)
	}
}

// full is a storage on a volume that is full as long as the reserve takes its room.
type full struct {
	storage.Client
	reserve string
	isFull  bool
	written []string
}

func (f *full) Batch(_ context.Context, operations ...*storage.Operation) error {
	if _, err := os.Stat(f.reserve); f.isFull && err == nil {
		return syscall.ENOSPC
	}
	for _, operation := range operations {
		f.written = append(f.written, operation.Key)
	}
	return nil
}

// On a full volume items are refused, while the queue can still write what it takes out. Later there is room again.
func TestFullVolume(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), reserveName)
	stock := &full{reserve: path, isFull: true}
	kept := &client{stock, &reserve{path: path, logger: zap.NewNop()}}
	if !kept.reserve.take() {
		t.Fatal("no reserve")
	}
	if err := kept.Set(ctx, "7", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := kept.Set(ctx, "qmv0", nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the reserve still takes its room")
	}
	stock.isFull = false
	if err := os.Mkdir(path, 0o700); err != nil { // as if there were no room for the reserve
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := kept.Set(ctx, "8", nil); !errors.Is(err, storage.ErrStorageFull) {
		t.Error(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := kept.Set(ctx, "9", nil); err != nil {
		t.Error(err)
	}
	if want := []string{"qmv0", "9"}; !slices.Equal(stock.written, want) {
		t.Error(stock.written)
	}
}
