package rabbit

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
)

// Where a message's parts travel: a table of its own, so that no header of ours
// can be taken for one of RabbitMQ's.
const (
	partTable   = "workbench"
	partKey     = "key"
	partHeaders = "headers"
)

// Publish implements broker.Broker. Nil means that RabbitMQ has confirmed it.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
	headers := amqp.Table{}
	for name, value := range m.Headers {
		headers[name] = value
	}
	number := strconv.FormatUint(b.number.Add(1), 10)
	confirm, err := l.ch.PublishWithDeferredConfirmWithContext(ctx, "", b.config.Queue, true, false, amqp.Publishing{
		MessageId: m.ID, CorrelationId: number, DeliveryMode: amqp.Persistent, Body: m.Body, ContentType: "application/octet-stream",
		Headers: amqp.Table{partTable: amqp.Table{partKey: m.Key, partHeaders: headers}},
	})
	if err != nil {
		return unavailable(err)
	}
	select {
	case <-confirm.Done():
	case <-l.gone:
		return unavailable(errors.New("the connection was lost before it confirmed"))
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-l.gone: // the library answers for what was not confirmed
		return unavailable(errors.New("the connection was lost before it confirmed"))
	default:
	}
	if l.back.took(number) {
		return unavailable(fmt.Errorf("there is no queue %s: it was deleted", b.config.Queue))
	}
	if !confirm.Acked() {
		return fmt.Errorf("%w (%d messages wait in RabbitMQ)", broker.ErrFull, b.config.Capacity)
	}
	return nil
}

// returns follows the messages that RabbitMQ could not route and gave back. It
// gives back before it confirms, so whoever has a confirmation and asks here
// gets the truth.
type returns struct {
	ask  chan question
	done chan struct{} // closed when the channel has ended
}

type question struct {
	number string
	answer chan bool
}

// listen follows the returns of a channel until it closes.
func listen(ch *amqp.Channel) *returns {
	r := &returns{ask: make(chan question), done: make(chan struct{})}
	back := ch.NotifyReturn(make(chan amqp.Return))
	go func() { // ends with the channel
		defer close(r.done)
		numbers := map[string]bool{} // at most as many as calls of Publish are under way
		for {
			select {
			case m, ok := <-back:
				if !ok {
					return
				}
				numbers[m.CorrelationId] = true
			case q := <-r.ask:
				q.answer <- numbers[q.number]
				delete(numbers, q.number)
			}
		}
	}()
	return r
}

// took reports whether a message came back.
func (r *returns) took(number string) bool {
	q := question{number, make(chan bool, 1)}
	select {
	case r.ask <- q:
		return <-q.answer
	case <-r.done:
		return false
	}
}

func (r *returns) wait() { <-r.done }

// message reads a message from a delivery.
func message(d *amqp.Delivery) broker.Message {
	m := broker.Message{ID: d.MessageId, Body: d.Body, Attempt: 1}
	if parts, ok := d.Headers[partTable].(amqp.Table); ok {
		m.Key, _ = parts[partKey].(string)
		if headers, ok := parts[partHeaders].(amqp.Table); ok && len(headers) > 0 {
			m.Headers = make(map[string]string, len(headers))
			for name, value := range headers {
				m.Headers[name], _ = value.(string)
			}
		}
	}
	if n, ok := d.Headers["x-delivery-count"].(int64); ok {
		m.Attempt += int(n)
	}
	return m
}
