// Package memory is a broker in this process: a bounded queue that refuses when
// it is full, keeps the order of each key, tries failed messages again and keeps
// dead letters. What it holds ends with the process, so Close has its consumers
// work off the queue first.
//
// Each key has a lane, of which one message at a time is out. A lane whose
// message failed waits behind the others, so a message that always fails holds
// up its own key and nobody else.
package memory
