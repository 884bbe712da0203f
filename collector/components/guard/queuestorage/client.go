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
	// free is the room within the file since the reserve is out: a file does not shrink when items leave it.
	free int
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

// hasRoom returns whether an item can be stored: the reserve is there, or as much room stays free within the file.
func (r *reserve) hasRoom(size int) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.isOut && r.take() {
		r.isOut, r.free = false, 0
	}
	return !r.isOut || r.free >= size+reserveBytes
}

// left adds the room that a change has left.
func (r *reserve) left(size int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.isOut {
		r.free += size
	}
}

// client is the storage of one exporter.
type client struct {
	storage.Client
	reserve *reserve

	mutex sync.Mutex
	sizes map[string]int // of the items that have been taken out, and are deleted later
}

// Batch refuses items without room, and writes everything else, also with the room of the reserve.
func (c *client) Batch(ctx context.Context, operations ...*storage.Operation) error {
	items := map[*storage.Operation]bool{}
	added := 0
	for _, operation := range operations {
		if _, err := strconv.ParseUint(operation.Key, 10, 64); err == nil { // the queue's own state has names
			items[operation] = true
			if operation.Type == storage.Set {
				added += len(operation.Value)
			}
		}
	}
	if added > 0 && !c.reserve.hasRoom(added) {
		return storage.ErrStorageFull
	}
	err := c.Client.Batch(ctx, operations...)
	if err != nil && added == 0 && c.reserve.release() {
		err = c.Client.Batch(ctx, operations...)
	}
	if err == nil {
		c.account(items, added)
	}
	return err
}

// account keeps the sizes of items that are read, and adds the room of those that are deleted.
func (c *client) account(items map[*storage.Operation]bool, added int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	left := -added
	for operation := range items {
		switch operation.Type {
		case storage.Get:
			c.sizes[operation.Key] = len(operation.Value)
		case storage.Delete:
			left += c.sizes[operation.Key]
			delete(c.sizes, operation.Key)
		}
	}
	c.reserve.left(left)
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
