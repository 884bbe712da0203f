package queuestorage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"go.uber.org/zap"
)

const (
	probePrefix   = ".writable-"
	openingSuffix = ".opening"
	asideMark     = ".corrupt-"
)

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// setAside renames each file that is not a valid queue.
func (q *queue) setAside(ctx context.Context) error {
	paths, err := filepath.Glob(filepath.Join(q.directory, "exporter_*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if strings.Contains(path, asideMark) || strings.HasSuffix(path, openingSuffix) {
			continue
		}
		err := checkOnce(path)
		switch {
		case err == nil:
			continue
		case errors.Is(err, bolterrors.ErrTimeout):
			return fmt.Errorf("%s: another Collector uses this queue; give each its own %s [SS790]", path, directoryVariable)
		case errors.Is(err, os.ErrPermission):
			return fmt.Errorf("%w; %s [SS790]", err, wayOut)
		}
		kept := path + asideMark + time.Now().UTC().Format("20060102T150405.000")
		if err := os.Rename(path, kept); err != nil {
			return fmt.Errorf("%s is corrupted and cannot be renamed; remove it: %w [SS791]", path, err)
		}
		q.aside.Add(ctx, 1)
		q.logger.Error("a queue file is corrupted, and the Collector starts with an empty queue; the spans in the file "+
			"are not sent [SS791]", zap.String("file", path), zap.String("kept_as", kept), zap.Error(err))
		q.keepNewest(path)
	}
	return nil
}

// keepNewest removes all but the newest file that was set aside: they must not fill the volume.
func (q *queue) keepNewest(path string) {
	kept, _ := filepath.Glob(path + asideMark + "*")
	sort.Strings(kept)
	for _, old := range kept[:max(0, len(kept)-1)] {
		if err := os.Remove(old); err != nil {
			q.logger.Warn("a corrupted queue file cannot be removed", zap.String("file", old), zap.Error(err))
		}
	}
}

// attempts is the number of starts that may end while a file is checked. A corruption can stop the process at once, such
// as pages that refer to each other; a Collector may also be killed at that moment.
const attempts = 2

// checkOnce checks a file, unless the process has ended repeatedly while it did so.
func checkOnce(path string) error {
	marker := path + openingSuffix
	tried, err := os.ReadFile(marker)
	if err == nil && len(tried) >= attempts {
		_ = os.Remove(marker)
		return fmt.Errorf("the Collector ended %d times while it read the file", len(tried))
	}
	if os.WriteFile(marker, append(tried, '.'), 0o600) == nil { // without it on a full volume
		defer os.Remove(marker)
	}
	return check(path)
}

// check opens a file as the file storage does, and reads all of it.
func check(path string) (err error) {
	// A page beyond the end of the file is a fault of this goroutine.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return err // bbolt initialises an empty file
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, ReadOnly: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(path); err != nil || tx.Size() > info.Size() {
			return errors.Join(err, fmt.Errorf("%d bytes are missing at the end", tx.Size()-info.Size()))
		}
		// First what this goroutine can recover from; bbolt checks in goroutines of its own.
		if err := tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(_, _ []byte) error { return nil })
		}); err != nil {
			return err
		}
		first := error(nil)
		for problem := range tx.Check() {
			if first == nil {
				first = problem
			}
		}
		return first
	})
}
