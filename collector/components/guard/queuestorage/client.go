package queuestorage

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	reserveName  = ".reserve"
	reserveBytes = 512 << 10
)

// reserve is room on the volume for the queue's own state. Without it, an exporter loses an item that it takes out of the
// queue while the volume is full, and counts nothing: it cannot write that it has the item.
type reserve struct {
	path   string
	logger *zap.Logger

	mutex sync.Mutex
	isOut bool
}

// take writes the file, which must really take the room.
func (r *reserve) take() bool {
	if info, err := os.Stat(r.path); err == nil && info.Size() == reserveBytes {
		return true
	}
	if os.WriteFile(r.path, make([]byte, reserveBytes), 0o600) != nil {
		_ = os.Remove(r.path)
		return false
	}
	return true
}

// release removes the file once, and returns false if there is none.
func (r *reserve) release() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.isOut || os.Remove(r.path) != nil {
		return false
	}
	r.isOut = true
	r.logger.Warn("the volume of the queue is full; items that arrive are dropped and counted until there is room [SS792]",
		zap.String("directory", filepath.Dir(r.path)))
	return true
}

// isBack returns whether the volume has room for items: the reserve is there, or can be taken again.
func (r *reserve) isBack() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.isOut = r.isOut && !r.take()
	return !r.isOut
}

// client is the storage of one exporter.
type client struct {
	storage.Client
	reserve *reserve
}

// Batch refuses items while the reserve is out, and writes everything else with its room.
func (c *client) Batch(ctx context.Context, operations ...*storage.Operation) error {
	hasItem := false
	for _, operation := range operations {
		_, err := strconv.ParseUint(operation.Key, 10, 64) // the queue's own state has names
		hasItem = hasItem || operation.Type == storage.Set && err == nil
	}
	if hasItem && !c.reserve.isBack() {
		return storage.ErrStorageFull
	}
	err := c.Client.Batch(ctx, operations...)
	if err != nil && !hasItem && c.reserve.release() {
		return c.Client.Batch(ctx, operations...)
	}
	return err
}

// Get returns the value of a key.
func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	operation := storage.GetOperation(key)
	err := c.Batch(ctx, operation)
	return operation.Value, err
}

// Set stores a value.
func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

// Delete removes a key.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}
