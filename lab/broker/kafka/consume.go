package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

const (
	commitPeriod = 50 * time.Millisecond
	endLimit     = 5 * time.Second // how long the last commit and leaving the group may take
)

// consumer is one call of Consume: a member of a group, with a client of its
// own.
type consumer struct {
	broker  *Broker
	options broker.Options
	client  *kgo.Client

	mu      sync.Mutex
	settled map[int32]int64 // guarded by mu: the offset after the last that was settled, not yet committed
	held    map[int32]int   // guarded by mu: how many of a partition are held
	freed   chan struct{}   // guarded by mu: closed when one is settled
	crashed bool            // guarded by mu
}

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	if o.Group == "" {
		b.consumers.Add(1)
		defer b.consumers.Add(-1)
	}
	c := &consumer{broker: b, options: o, settled: map[int32]int64{}, held: map[int32]int{}, freed: make(chan struct{})}
	// A member with a name of its own does not leave its group by closing, so a
	// crash is one for the broker too; who ends well is taken out by name.
	name := rand.Text()
	session := max(b.config.Lease, b.session())
	c.client, err = kgo.NewClient(
		kgo.SeedBrokers(b.server.Addrs...),
		kgo.ConsumerGroup(b.group(o.Group)), kgo.InstanceID(name), kgo.ConsumeTopics(b.config.Queue),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RebalanceTimeout(max(session, rebalanceLimit)),
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(session/4),
		kgo.MetadataMinAge(metadataAge),
		kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, gone map[string][]int32) {
			c.revoked(ctx, gone[b.config.Queue])
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { c.forget(gone[b.config.Queue]) }),
	)
	if err != nil {
		return fmt.Errorf("consume %s: %w", b.config.Queue, err)
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		for b.wall.Wait(working, b.wall.Now()+commitPeriod) == nil {
			_ = c.commit(working) // the next one says more
		}
	}()
	over := b.life.Stop()
	if b.server.Ends { // not before the topic is worked off
		over = b.stop
	}
	err = pump.Run(ctx, pump.Job{
		Source: c, Options: o, Handler: h, Stop: over, Kill: b.life.Kill(),
		Attempts: b.config.Attempts, Lane: func(d pump.Delivery) int { return int(d.Tag.(*kgo.Record).Partition) },
	})
	stop()
	<-committed
	return errors.Join(err, c.end(context.WithoutCancel(ctx), name, errors.Is(err, broker.ErrCrash)))
}

// session returns the shortest session timeout that the broker allows.
func (b *Broker) session() time.Duration {
	if b.server.Session > 0 {
		return b.server.Session
	}
	return sessionFloor
}

// end commits, closes the client and leaves the group, unless the consumer
// crashed.
func (c *consumer) end(ctx context.Context, name string, crashed bool) error {
	b := c.broker
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	var err error
	if !crashed {
		err = c.commit(ctx)
	}
	c.mu.Lock()
	c.crashed = crashed
	var left int
	for _, n := range c.held {
		left += n
	}
	clear(c.held)
	clear(c.settled)
	c.mu.Unlock()
	if c.options.Group == "" {
		b.held.Add(-int64(left))
	}
	c.client.CloseAllowingRebalance()
	if !crashed {
		_, left := b.admin.LeaveGroup(ctx, kadm.LeaveGroup(b.group(c.options.Group)).Reason("it was closed").InstanceIDs(name))
		err = errors.Join(err, left)
	}
	return explain(ctx, err)
}

// revoked waits until what is held of partitions that move is settled, and
// commits: whoever gets them begins behind it.
func (c *consumer) revoked(ctx context.Context, gone []int32) {
	for {
		c.mu.Lock()
		n, freed, crashed := 0, c.freed, c.crashed
		for _, p := range gone {
			n += c.held[p]
		}
		c.mu.Unlock()
		if crashed {
			return
		}
		if n == 0 {
			break
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return
		}
	}
	_ = c.commit(ctx) // if it fails, the next owner repeats some
}

// forget drops what was to be committed of partitions that another has got.
func (c *consumer) forget(gone []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range gone {
		delete(c.settled, p)
	}
}

// commit tells the group what was settled.
func (c *consumer) commit(ctx context.Context) error {
	c.mu.Lock()
	offsets := map[int32]kgo.EpochOffset{}
	for p, at := range c.settled {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: at}
	}
	c.mu.Unlock()
	if len(offsets) == 0 {
		return nil
	}
	var err error
	c.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{c.broker.config.Queue: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, res *kmsg.OffsetCommitResponse, failed error) {
			err = refusals(res, failed)
		})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, o := range offsets {
		if c.settled[p] == o.Offset {
			delete(c.settled, p)
		}
	}
	return nil
}

// refusals returns what is wrong with a commit, as a whole or with a partition.
func refusals(res *kmsg.OffsetCommitResponse, failed error) error {
	if failed != nil || res == nil {
		return failed
	}
	var faults []error
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			faults = append(faults, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return errors.Join(faults...)
}

// Next implements pump.Source.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	for {
		fetches := c.client.PollRecords(ctx, 1)
		var next *kgo.Record
		fetches.EachRecord(func(r *kgo.Record) { next = r })
		if next != nil {
			c.mu.Lock()
			c.held[next.Partition]++
			c.mu.Unlock()
			if c.options.Group == "" {
				c.broker.held.Add(1)
			}
		}
		c.client.AllowRebalance()
		switch err := fetches.Err(); {
		case next != nil:
			m, _ := message(next)
			return pump.Delivery{Message: m, Tag: next}, nil
		case ctx.Err() != nil:
			return pump.Delivery{}, ctx.Err()
		case errors.Is(err, kgo.ErrClientClosed):
			return pump.Delivery{}, pump.ErrEnd
		case err != nil:
			return pump.Delivery{}, explain(ctx, err)
		}
	}
}

// Settle implements pump.Source.
func (c *consumer) Settle(ctx context.Context, d pump.Delivery, v pump.Verdict, why string) (err error) {
	b, r := c.broker, d.Tag.(*kgo.Record)
	if v == pump.Bury {
		if err = b.bury(ctx, d.Message, why); err != nil {
			v = pump.Release
		}
	}
	c.mu.Lock()
	if v != pump.Release {
		c.settled[r.Partition] = r.Offset + 1
	}
	if c.held[r.Partition] > 0 {
		c.held[r.Partition]--
		if c.options.Group == "" {
			b.held.Add(-1)
		}
	}
	close(c.freed)
	c.freed = make(chan struct{})
	c.mu.Unlock()
	if err == nil && c.options.AtMostOnce { // it is to be known before the message is handled
		err = c.commit(ctx)
	}
	return explain(ctx, err)
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) { c.broker.lost.Add(int64(n)) }
