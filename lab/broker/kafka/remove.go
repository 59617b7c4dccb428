package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"workbench/lab/broker"
)

// Remove implements broker.Remover. A group that reads the topic again keeps its
// place, until the server forgets it, as it does of topics that are gone.
func (b *Broker) Remove(ctx context.Context) error {
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	defer b.client.Close()
	defer b.halt()
	fail := func(what string, e error) {
		if e != nil && !errors.Is(e, kerr.UnknownTopicOrPartition) && !errors.Is(e, kerr.GroupIDNotFound) {
			err = errors.Join(err, fmt.Errorf("remove %s: %w", what, explain(ctx, e)))
		}
	}
	for _, topic := range []string{b.config.Queue, b.deadTopic()} {
		_, gone := b.admin.DeleteTopic(ctx, topic)
		fail("topic "+topic, gone)
	}
	_, gone := b.admin.DeleteGroup(ctx, b.group(""))
	fail("group "+b.group(""), gone)
	return err
}

var _ broker.Remover = (*Broker)(nil)
