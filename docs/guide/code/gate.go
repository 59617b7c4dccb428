package code

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// ErrFull means that the service has no place left: it is saturated, whoever
// asks.
var ErrFull = errors.New("no place left")

// ErrQuota means that this caller has used up what is theirs.
var ErrQuota = errors.New("over quota")

// guide:begin gate

// Gate lets a bounded number of requests work at once. It never queues: a
// request that finds no place is told so at once.
type Gate struct{ places chan struct{} }

// NewGate returns a gate with so many places.
func NewGate(places int) Gate { return Gate{make(chan struct{}, places)} }

// Do calls work if there is a place, and gives the place back however work
// ends, also when it panics.
func (g Gate) Do(ctx context.Context, limit time.Duration, work func(context.Context) error) error {
	select {
	case g.places <- struct{}{}:
	default:
		return ErrFull
	}
	defer func() { <-g.places }()
	ctx, cancel := context.WithTimeout(ctx, limit) // else hung work keeps its place for ever
	defer cancel()
	return work(ctx)
}

// guide:end

// guide:begin status

// Refuse writes a refusal. 429 blames the caller, who should slow down; 503
// blames the service, and a caller who did nothing wrong may try elsewhere.
func Refuse(w http.ResponseWriter, err error, wait time.Duration) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrQuota):
		status = http.StatusTooManyRequests
	case errors.Is(err, ErrFull), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	}
	if status != http.StatusInternalServerError {
		seconds := int64((wait + time.Second - 1) / time.Second) // whole seconds, rounded up
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	http.Error(w, http.StatusText(status), status)
}

// guide:end
