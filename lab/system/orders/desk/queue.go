package desk

import (
	"context"
	"maps"
	"slices"

	"workbench/lab/broker"
	"workbench/lab/system/orders"
)

// Queue returns the name of the queue through which this file's events go. It is
// as old as the file, and no other file has it: two desks may share a server, and
// neither takes what is the other's.
func (d *Desk) Queue() string { return "workbench-orders-" + d.name }

// open opens a broker with this file's queue, and remembers where there is one.
func (d *Desk) open(ctx context.Context, kind string) (broker.Broker, error) {
	b, err := d.deps.Open(ctx, kind, d.Queue())
	if err != nil {
		return nil, err
	}
	d.carry.mu.Lock()
	defer d.carry.mu.Unlock()
	if d.carry.opened == nil {
		d.carry.opened = map[string]bool{}
	}
	d.carry.opened[kind] = true
	return b, nil
}

// Opened names the brokers that were opened since the start: where the queue may
// still be after Close.
func (d *Desk) Opened() []string {
	d.carry.mu.Lock()
	defer d.carry.mu.Unlock()
	return slices.Sorted(maps.Keys(d.carry.opened))
}

// consuming is how events are consumed by the knobs. Each worker holds the event
// that it is at, so that no more of them can be at work than events may be out.
func consuming(k orders.Broker) broker.Options {
	return broker.Options{Workers: min(k.Workers, k.Prefetch), Prefetch: k.Prefetch}
}
