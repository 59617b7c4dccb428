package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"

	"workbench/lab/live"
	"workbench/web/stream"
)

// feed carries what the lab tells to the hub, while somebody listens: a lab
// that nobody watches may rest.
type feed struct {
	lab Lab
	hub *stream.Hub
	log *slog.Logger

	mu      sync.Mutex
	readers int                // guarded by mu
	stop    context.CancelFunc // guarded by mu; nil while nobody listens
	pumps   sync.WaitGroup
}

// enter begins to watch the lab with the first reader.
func (f *feed) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers++
	if f.readers > 1 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	events := f.lab.Watch(ctx)
	f.pumps.Go(func() { f.pump(events) })
}

// leave stops watching with the last reader.
func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers--
	if f.readers == 0 {
		f.stop()
	}
}

// close waits for the pumps after every reader has left.
func (f *feed) close() { f.pumps.Wait() }

// pump encodes each event once. A state that says nothing new but its figures
// becomes a pulse.
func (f *feed) pump(events <-chan live.Event) {
	var last, buf []byte
	for e := range events {
		if e.Frame != nil {
			buf = appendFrame(buf[:0], *e.Frame)
			f.hub.Send(stream.Frame, buf)
			continue
		}
		if e.State == nil {
			continue
		}
		now, err := settled(*e.State)
		if err != nil {
			f.log.Error("state not sent", "error", err)
			continue
		}
		kind, message := stream.Pulse, any(pulseOf(*e.State, f.hub.Counts().Readers))
		if !bytes.Equal(now, last) {
			kind, message = stream.State, snapshot{State: *e.State}
			last = now
		}
		data, err := json.Marshal(message)
		if err != nil {
			f.log.Error("state not sent", "error", err)
			continue
		}
		f.hub.Send(kind, data)
	}
}

// first returns the event with which a stream begins.
func (f *feed) first() ([]byte, error) {
	data, err := json.Marshal(snapshot{State: f.lab.State(), History: history(f.lab.History())})
	if err != nil {
		return nil, fmt.Errorf("encode the snapshot: %w", err)
	}
	return stream.Encode(nil, stream.State.String(), 0, data), nil
}
