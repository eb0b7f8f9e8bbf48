package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrMaxWait is a [WaitError]'s cause when the wait would exceed, or exceeded, the ticket's MaxWait.
	ErrMaxWait = errors.New("bucket: the wait exceeds the maximum")
	// ErrQueueFull is a [WaitError]'s cause when as many requests as Options.MaxQueue allows already wait, or when one
	// of a higher priority came and took the place of this one.
	ErrQueueFull = errors.New("bucket: the queue is full")
	// ErrWouldWait is a [WaitError]'s cause when the ticket's mode is [Reject] and the request could not go at once.
	ErrWouldWait = errors.New("bucket: the request would have to wait")

	// ErrCorrupt is the cause when Load is given something else than a whole saved registry.
	ErrCorrupt = errors.New("bucket: not a saved registry, or a damaged one")
	// ErrNewerFormat is the cause when Load is given a registry that a later version of this package saved.
	ErrNewerFormat = errors.New("bucket: the registry was saved by a newer version")
)

// A WaitError reports a request that was not sent: its context ended, or would have ended, before Key allowed it, or
// it may not wait. Nothing was taken; trying again is safe.
type WaitError struct {
	// Key names the bucket that held the request back.
	Key Key
	// Until is when that bucket is expected to let it through: an estimate that counts what is unknown as no wait.
	// Trying again earlier is of no use.
	Until time.Time
	// Err is the cause: ErrMaxWait, ErrQueueFull, ErrWouldWait, or how the context ended or would have ended, such as
	// context.DeadlineExceeded.
	Err error
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("bucket: %v is not available until %s: %v", e.Key, e.Until.Format(time.RFC3339Nano), e.Err)
}

// Unwrap returns the cause.
func (e *WaitError) Unwrap() error { return e.Err }

// Timeout reports whether a deadline or a maximal wait was the cause, as net.Error has it.
func (e *WaitError) Timeout() bool {
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, ErrMaxWait)
}
