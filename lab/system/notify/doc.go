// Package notify is the demo service that tells people things: a code to sign in
// with, now; a campaign to thousands, some time; and an inbox to read.
//
// Messages leave through a provider who is slower than the service and not ours,
// or through a second one while the first is out. What was sent is written down
// in the order in which the providers took it, so that a message that went out
// twice can be counted.
package notify
