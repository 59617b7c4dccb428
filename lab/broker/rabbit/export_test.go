package rabbit

import (
	"context"
	"net"

	"workbench/lab/broker"
)

// The pace of dials.
const (
	DialLimit = dialLimit
	DialPause = dialPause
)

// Unconnected returns a broker that has not dialled yet, and does so with dial.
func Unconnected(address string, c broker.Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Broker {
	return prepare(address, c, dial)
}
