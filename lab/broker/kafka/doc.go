// Package kafka is a broker on the Kafka protocol: a topic of partitions that
// keeps what was read, an idempotent producer, and consumer groups.
//
// A key belongs to a partition, and a partition is read by one worker of one
// consumer of a group, in order. A message cannot be taken out of a log: one that
// fails is tried again in place, and holds up its partition until it succeeds or,
// after Config.Attempts, is copied to the topic of dead letters and passed. How
// often it failed is known to the consumer alone, so a crash is not counted.
//
// What a group has handled is committed every 50 ms and when a partition moves
// on; a crash has the rest delivered again. Kafka takes a consumer for dead after
// its session timeout, which is Config.Lease, and 6 s at least on a broker that
// is not ours. A partition moves once the messages of it that are being handled
// are done, or after 10 s: then they are handled twice.
//
// Flow reads one topic and writes another. In a transaction the outputs and the
// group's place are had together or not at all, by readers that wait for its
// end; a worker that takes the name of one that died has what that one left open
// aborted. It says nothing of effects outside the log.
//
// A topic is not bounded by a number of messages and does not refuse: it forgets
// the oldest by age and size, read or not (a day, and 256 MiB a partition).
// Config.Capacity bounds what this process has not yet handed over, and then
// Publish is ErrFull.
package kafka
