// Command plug lets the lab's queue ask an answer to this exercise who may wait
// and who is next. The workers are the lab's own.
package main

import (
	"context"
	"time"

	boundedqueue "workbench/exercises/03-bounded-queue/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	q, err := boundedqueue.New[uint32](t.Length)
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Room: func(func(uint32)) host.Room {
		return host.Room{
			Push: func(_ time.Duration, item uint32) bool { return q.Push(item) == nil },
			Pop: func(time.Duration) (uint32, bool) {
				if q.Len() == 0 {
					return 0, false // Pop would wait for one
				}
				item, err := q.Pop(context.Background())
				return item, err == nil
			},
		}
	}}, nil
}
