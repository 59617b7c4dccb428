package attempt

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// work grades until ctx ends.
func (q *Queue) work(ctx context.Context) {
	defer close(q.done)
	for {
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil && q.next(ctx) {
		}
	}
}

// next grades the first attempt that waits; false: none does.
func (q *Queue) next(ctx context.Context) bool {
	q.mu.Lock()
	if len(q.waiting) == 0 {
		q.mu.Unlock()
		return false
	}
	a := q.waiting[0]
	q.waiting = q.waiting[1:]
	a.State = Running
	a.Tries++
	q.current, q.doing = &a, ""
	q.tell(a.ID, Step{State: Running})
	for i, b := range q.waiting {
		q.tell(b.ID, Step{State: Queued, Ahead: i + 1})
	}
	q.mu.Unlock()

	began := q.cfg.Clock.Now()
	done := q.grade(ctx, &a)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	if !done {
		return true
	}
	q.took = (3*q.took + (q.cfg.Clock.Now() - began)) / 4
	q.tell(a.ID, Step{State: a.State})
	return true
}

// grade takes one attempt to its end and keeps that; false: the queue is being
// closed, and the attempt stays unfinished on disk.
func (q *Queue) grade(ctx context.Context, a *Attempt) bool {
	if err := q.cfg.Store.SetAttempt(ctx, *a); err != nil {
		return q.unkept(ctx, a, err)
	}
	verdict, passed, err := q.cfg.Grade(ctx, a.Slug, a.Files, func(doing string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.doing = doing
		q.tell(a.ID, Step{State: Running, Doing: doing})
	})
	if ctx.Err() != nil {
		return q.requeue(ctx, a)
	}
	if err != nil {
		return q.fail(ctx, a, err)
	}
	a.State, a.Verdict, a.Passed = Done, verdict, passed
	if err := q.cfg.Store.SetAttempt(ctx, *a); err != nil {
		return q.unkept(ctx, a, err)
	}
	return true
}

// unkept ends an attempt that could not be kept. One that is not there any more
// has no place for a verdict, and whoever waits for it hears that it is over.
func (q *Queue) unkept(ctx context.Context, a *Attempt, why error) bool {
	if !errors.Is(why, ErrUnknown) {
		return q.fail(ctx, a, why)
	}
	q.cfg.Log.Warn("attempt dropped: it was deleted while it was graded", "attempt", a.ID, "exercise", a.Slug)
	a.State, a.Verdict, a.Passed = Interrupted, nil, false
	return true
}

// requeue takes back the try of an attempt that an orderly end has stopped.
func (q *Queue) requeue(ctx context.Context, a *Attempt) bool {
	a.Tries--
	a.State = Queued
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := q.cfg.Store.SetAttempt(late, *a); err != nil {
		q.cfg.Log.Error("attempt not put back", "attempt", a.ID, "error", err)
	}
	return false
}

// fail sets an attempt down whose grading has failed: by a fault of the grader,
// never of the answer.
func (q *Queue) fail(ctx context.Context, a *Attempt, why error) bool {
	q.cfg.Log.Error("attempt not graded", "attempt", a.ID, "exercise", a.Slug, "error", why)
	text, err := json.Marshal(map[string]any{"exercise": a.Slug, "accepted": false, "reason": "The grader failed, which is no fault of your answer: " + why.Error()})
	if err != nil {
		q.cfg.Log.Error("fault of the grader not written", "attempt", a.ID, "error", err)
	}
	a.State, a.Verdict, a.Passed = Done, text, false
	if err := q.cfg.Store.SetAttempt(ctx, *a); err != nil {
		q.cfg.Log.Error("attempt not kept", "attempt", a.ID, "error", err)
	}
	return true
}
