// Command plug lets the lab's queue ask an answer to this exercise who is next
// and who has waited in vain. The workers are the lab's own.
package main

import (
	"time"

	lifocodel "workbench/exercises/17-lifo-codel/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	return host.Solution{Room: func(dropped func(uint32)) host.Room {
		q := lifocodel.New(lifocodel.Config[uint32]{
			Cap: t.Length, Target: t.Target, Interval: t.Interval,
			OnDrop: func(item uint32, _ time.Duration) { dropped(item) },
		})
		return host.Room{
			Push: func(now time.Duration, item uint32) bool { q.Push(now, item); return true },
			Pop:  q.Pop,
		}
	}}, nil
}
