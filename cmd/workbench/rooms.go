package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"workbench/docs/guide"
	"workbench/docs/track"
	"workbench/exercises/interview"
)

// rooms is what the pages beside the lab are made from.
type rooms struct {
	book      guide.Book
	tracks    []track.Track
	questions *interview.Catalog
	judge     judge
}

// openRooms begins to open the rooms beside the lab, all at once, and returns
// how to wait for them. What is opened and must be closed is in the site.
func (s *site) openRooms(ctx context.Context, p *program, c config, log *slog.Logger) func() (rooms, error) {
	var out rooms
	var work sync.WaitGroup
	faults := make([]error, 4)
	work.Go(func() { out.book, faults[0] = guide.Open() })
	work.Go(func() { out.tracks, faults[1] = track.All() })
	work.Go(func() { out.questions, faults[2] = interview.Load() })
	work.Go(func() {
		if out.judge, faults[3] = openJudge(ctx, p.shelf(""), c); faults[3] == nil {
			s.desk, faults[3] = out.judge.desk(ctx, p.shelf(""), s.progress, s.progress, attemptsWaiting, log)
		}
	})
	return func() (rooms, error) {
		work.Wait()
		return out, errors.Join(faults...)
	}
}
