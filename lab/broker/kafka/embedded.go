package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Embedded is a broker of the Kafka protocol in this process. It is not Kafka:
// clients cannot tell, but capacity and replication are not Kafka's. It shares the
// process and its processors with everything else.
type Embedded struct{ cluster *kfake.Cluster }

// embeddedSession is the shortest session timeout of the embedded broker: short
// enough to watch a crash being noticed, and long enough for heartbeats on a
// machine that is busy. With 300 ms, members lost their places to load alone.
const embeddedSession = 2 * time.Second

// Embed starts one on a loopback port, or on a free one for 0. With a
// directory, what it has confirmed is synced there and is found again.
func Embed(dir string, port int) (*Embedded, error) {
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.DefaultNumPartitions(partitions), kfake.GroupMinSessionTimeout(embeddedSession),
	}
	if port != 0 {
		options = append(options, kfake.Ports(port))
	}
	if dir != "" {
		options = append(options, kfake.DataDir(dir), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	if len(cluster.ListenAddrs()) == 0 {
		cluster.Close()
		return nil, errors.New("start the embedded broker: it listens nowhere")
	}
	return &Embedded{cluster}, nil
}

// Server returns how to reach it. durable is for one that was given a
// directory.
func (e *Embedded) Server(durable bool) Server {
	return Server{
		Addrs: e.cluster.ListenAddrs(), Label: "Kafka protocol, in-process (kfake)", Durable: durable, Session: embeddedSession,
	}
}

// Close ends it, with everything it holds unless that is in a directory.
func (e *Embedded) Close() { e.cluster.Close() }
