package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"workbench/lab/broker"
)

// Flow is a stage between two topics: it reads messages as a member of a group,
// and writes what it makes of each to another topic of the same server.
type Flow struct {
	To     *Broker
	Worker string // its name; who starts with the name of one that crashed takes its place
	Batch  int    // messages read, written and committed together, at most

	// Transaction makes the outputs of a batch and the group's place behind its
	// inputs one: both are had or neither. Without it the outputs are confirmed
	// first and the place is committed then, so that nothing is lost.
	Transaction bool

	// Make returns the output of an input.
	Make func(broker.Message) broker.Message
	// Sent is told when the outputs of a batch are confirmed, of how many inputs, and
	// its place is not yet committed; nil: nobody. With broker.ErrCrash Flow ends as
	// one that is killed there: nothing is committed, aborted or said.
	Sent func(n int) error
	// Done is told how many inputs a committed batch had.
	Done func(n int)
}

const (
	flowGroup        = "flow"
	transactionLimit = 10 * time.Second // after which the broker aborts a transaction by itself
	joinLimit        = 30 * time.Second // how long one poll may take before it is asked again
	batchLinger      = 5 * time.Millisecond
	mostAgain        = 3 // batches in a row that may be begun again
)

// check says what a flow lacks.
func (f Flow) check() error {
	var faults []error
	for name, missing := range map[string]bool{
		"To": f.To == nil, "Worker": f.Worker == "", "Make": f.Make == nil, "Done": f.Done == nil, "Batch of at least 1": f.Batch < 1,
	} {
		if missing {
			faults = append(faults, errors.New("flow: it has no "+name))
		}
	}
	return errors.Join(faults...)
}

// Flow reads b and writes f.To until ctx ends, Sent reports a crash or the
// server fails. It returns why.
func (b *Broker) Flow(ctx context.Context, f Flow) error {
	if err := errors.Join(f.check(), ctx.Err()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	s, err := b.stage(f)
	if err != nil {
		return fmt.Errorf("flow from %s: %w", b.config.Queue, err)
	}
	// It has a name of its own in the group, so closing does not take leave of it.
	defer s.close()
	for {
		records, err := s.poll(ctx, f.Batch)
		if err != nil {
			return fmt.Errorf("flow from %s: %w", b.config.Queue, explain(ctx, err))
		}
		if len(records) == 0 {
			continue
		}
		out := make([]*kgo.Record, len(records))
		for i, r := range records {
			m, _ := message(r)
			out[i] = record(f.To.config.Queue, f.Make(m))
		}
		committed, err := s.pass(ctx, out, records, f.Sent)
		switch {
		case errors.Is(err, broker.ErrCrash):
			return err
		case err != nil:
			return fmt.Errorf("flow from %s: %w", b.config.Queue, explain(ctx, err))
		case committed:
			f.Done(len(records))
		}
	}
}

// passer is what the two ways of a flow differ in.
type passer interface {
	// poll returns the next inputs; none: ask again.
	poll(ctx context.Context, most int) ([]*kgo.Record, error)
	// pass writes out and commits the place behind in, with sent between the two.
	// False means that the batch comes again.
	pass(ctx context.Context, out, in []*kgo.Record, sent func(n int) error) (committed bool, err error)
	close()
}

// stage opens a flow's client.
func (b *Broker) stage(f Flow) (passer, error) {
	session := max(b.config.Lease, b.session())
	options := []kgo.Opt{
		kgo.SeedBrokers(b.server.Addrs...),
		kgo.ConsumerGroup(b.group(flowGroup)), kgo.InstanceID(f.Worker), kgo.ConsumeTopics(b.config.Queue),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RebalanceTimeout(max(session, rebalanceLimit)), kgo.SessionTimeout(session), kgo.HeartbeatInterval(session / 4),
		kgo.MetadataMinAge(metadataAge), kgo.RecordDeliveryTimeout(deliveryLimit), kgo.RetryTimeout(deliveryLimit),
		// The outputs of a batch go out together: of several requests under way at once
		// the embedded broker may see the second first.
		kgo.ProducerLinger(batchLinger), kgo.RequiredAcks(kgo.AllISRAcks()),
		// Inputs of a transaction that was aborted are none.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	}
	if !f.Transaction {
		client, err := kgo.NewClient(append(options, kgo.DisableAutoCommit())...)
		return plain{client}, err
	}
	s, err := kgo.NewGroupTransactSession(append(options,
		kgo.TransactionalID(b.group(flowGroup)+"."+f.Worker), kgo.TransactionTimeout(transactionLimit))...)
	return &transacted{session: s}, err
}

// plain writes, and then commits.
type plain struct{ client *kgo.Client }

func (p plain) poll(ctx context.Context, most int) ([]*kgo.Record, error) {
	return polled(ctx, func(ctx context.Context) kgo.Fetches { return p.client.PollRecords(ctx, most) })
}

func (p plain) pass(ctx context.Context, out, in []*kgo.Record, sent func(n int) error) (bool, error) {
	if err := p.client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return false, err
	}
	if sent != nil {
		if err := sent(len(in)); err != nil {
			return false, err
		}
	}
	err := p.client.CommitRecords(ctx, in...)
	return err == nil, err
}

func (p plain) close() { p.client.Close() }

// transacted writes and commits in one transaction.
type transacted struct {
	session *kgo.GroupTransactSession
	again   int // batches in a row that the broker had lost count of
}

func (t *transacted) poll(ctx context.Context, most int) ([]*kgo.Record, error) {
	return polled(ctx, func(ctx context.Context) kgo.Fetches { return t.session.PollRecords(ctx, most) })
}

func (t *transacted) pass(ctx context.Context, out, in []*kgo.Record, sent func(n int) error) (bool, error) {
	if err := t.session.Begin(); err != nil {
		return false, err
	}
	wrote := t.session.ProduceSync(ctx, out...).FirstErr()
	if wrote == nil && sent != nil {
		if err := sent(len(in)); err != nil {
			return false, err // the transaction stays open, as one of a process that is gone
		}
	}
	// Cancelled in the middle it would not be known what became of it.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionLimit)
	defer cancel()
	committed, err := t.session.End(ending, kgo.TransactionEndTry(wrote == nil))
	if !errors.Is(wrote, kerr.OutOfOrderSequenceNumber) {
		t.again = 0
		return committed, errors.Join(wrote, err)
	}
	// The broker has lost count of what this producer wrote. The transaction is gone,
	// and with it the count: the batch comes again.
	if t.again++; t.again > mostAgain {
		err = errors.Join(wrote, err)
	}
	return false, err
}

func (t *transacted) close() { t.session.Close() }

// polled returns the records of one poll.
func polled(ctx context.Context, poll func(context.Context) kgo.Fetches) ([]*kgo.Record, error) {
	waiting, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	fetches := poll(waiting)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := fetches.Err(); err != nil && waiting.Err() == nil {
		return nil, err
	}
	return fetches.Records(), nil
}

// Read returns what a reader finds in the topic, from its first message to the
// last that it may see now: with committed, without those of transactions that
// are open or were aborted.
func (b *Broker) Read(ctx context.Context, committed bool) ([]broker.Message, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	out, err := b.read(ctx, committed)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", b.config.Queue, explain(ctx, err))
	}
	return out, nil
}

func (b *Broker) read(ctx context.Context, committed bool) ([]broker.Message, error) {
	level, list := kgo.ReadUncommitted(), b.admin.ListEndOffsets
	if committed {
		level, list = kgo.ReadCommitted(), b.admin.ListCommittedOffsets
	}
	starts, err := b.admin.ListStartOffsets(ctx, b.config.Queue)
	if err != nil {
		return nil, err
	}
	ends, err := list(ctx, b.config.Queue)
	if err := errors.Join(err, starts.Error(), ends.Error()); err != nil {
		return nil, err
	}
	from, open := map[int32]kgo.Offset{}, map[int32]int64{} // partitions of which some is unread, and where they end
	for p, end := range ends[b.config.Queue] {
		if start, _ := starts.Lookup(b.config.Queue, p); start.Offset < end.Offset {
			from[p], open[p] = kgo.NewOffset().At(start.Offset), end.Offset
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	// The marks that end transactions have places in the log: without them the end
	// might never be reached.
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.server.Addrs...), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{b.config.Queue: from}))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var out []broker.Message
	for len(open) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, unread := open[r.Partition]
			if unread && r.Offset < end && !r.Attrs.IsControl() {
				m, _ := message(r)
				out = append(out, m)
			}
			if r.Offset+1 >= end {
				delete(open, r.Partition)
			}
		})
	}
	return out, nil
}
