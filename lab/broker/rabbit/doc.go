// Package rabbit is a broker on RabbitMQ: a quorum queue, publisher confirms,
// manual acknowledgement with prefetch, and a dead-letter queue.
//
// Publish waits for the confirmation and asks for unroutable messages back, so
// a queue that somebody deleted is an error and no silent loss. A full queue
// refuses (x-overflow=reject-publish); RabbitMQ counts waiting messages only,
// and learns a moment late that the bound is reached. It counts deliveries
// itself (x-delivery-limit), crashed ones too, and moves a message that was
// given up to the dead letters at least once (x-dead-letter-strategy).
//
// What it confirmed outlives a kill of RabbitMQ, but for one case that is its
// own: RabbitMQ writes down half a second late that a quorum queue was declared
// (seen with 3.10.8), and one declared just before a kill is gone with all that
// is in it. Declare queues before there is traffic.
//
// When the connection is lost, calls under way end with ErrUnavailable and the
// next one connects again.
package rabbit
