package live

import (
	"context"
	"time"

	"workbench/lab/broker"
	brokers "workbench/lab/broker/kind"
	"workbench/lab/system/orders/desk"
)

// removeMost is how long a server may take to delete a queue.
const removeMost = 3 * time.Second

// removeQueues deletes what the orders of a run that has ended have left on
// servers: its file goes with it, and nobody else has a queue of its name. A
// server that does not answer keeps no run from ending.
func (r *run) removeQueues(ctx context.Context, d *desk.Desk, dir string) error {
	for _, name := range d.Opened() {
		if err := r.removeQueue(context.WithoutCancel(ctx), name, d.Queue(), dir); err != nil {
			r.lab.cfg.Log.Warn("the queue of this run stays on the server: delete it there", "broker", name, "queue", d.Queue(), "error", err)
		}
	}
	return nil
}

func (r *run) removeQueue(ctx context.Context, name, queue, dir string) error {
	if name == "redis" { // the run may have taken it away
		if err := r.lab.redis.Revive(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, removeMost)
	defer cancel()
	return brokers.Remove(ctx, name, r.lab.places(dir), broker.Default(queue))
}
