package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	brokers "workbench/lab/broker/kind"
	"workbench/lab/product"
	"workbench/sim/clock"
)

// ordersClosing is how long the end of the orders service may take.
const ordersClosing = 900 * time.Millisecond

// ordersAlone is the subcommand that runs the orders service as a product.
func ordersAlone(ctx context.Context, p *program, args []string) (err error) {
	c := product.Config{Addr: "127.0.0.1:8090", Broker: "sqlite", Symbols: 100}
	if dir := p.dataDir(); dir != "" {
		c.Dir = filepath.Join(dir, "orders")
	}
	level := "info"
	fs := flag.NewFlagSet("orders", flag.ContinueOnError)
	for _, s := range append(brokerSettings(&c.RabbitMQ, &c.Kafka),
		setting{"addr", "WORKBENCH_ORDERS_ADDR", "listen on `HOST:PORT` of this machine", &c.Addr},
		setting{"data", "WORKBENCH_ORDERS_DATA", "keep the orders in `DIR`", &c.Dir},
		setting{"broker", "WORKBENCH_ORDERS_BROKER", "settle orders behind broker `NAME`: " + strings.Join(brokerNames(), ", "), &c.Broker},
		setting{"redis", "WORKBENCH_REDIS", "share the limit of requests over the Redis at `URL`", &c.Redis},
		setting{"log", "WORKBENCH_LOG", "log from `LEVEL` on: debug, info, warn or error", &level}) {
		if v := p.env(s.variable); v != "" {
			*s.value = v
		}
		fs.StringVar(s.value, s.flag, *s.value, s.help+"; or "+s.variable)
	}
	fs.IntVar(&c.Symbols, "symbols", c.Symbols, "give a new file `N` symbols with a price")
	fs.IntVar(&c.MaxPages, "max-pages", 0, "bound the file of orders to `N` pages of 4 KiB, as a full disk does (0: no bound)")
	rest, err := p.flags(fs, args)
	if err = errors.Join(err, checkOrders(c, level, rest)); err != nil {
		return usagef("%w", err)
	}
	logged, err := config{level: level}.logLevel()
	if err != nil {
		return err // checked above
	}
	c.Log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: logged}))
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w; choose another with --data", err)
	}
	held, err := alone(c.Dir) // two would each give out the same numbers of the one sequence
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	wall := clock.NewWall()
	s, err := product.Open(ctx, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "Orders: http://%s (%d events played in %v, broker %s)\n", s.Addr(), s.Replayed(), wall.Now().Round(time.Millisecond), c.Broker)
	<-ctx.Done()
	c.Log.Info("stopping")
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), ordersClosing)
	defer cancel()
	return s.Close(late)
}

func brokerNames() []string {
	var out []string
	for _, k := range brokers.All() {
		out = append(out, k.Name)
	}
	return out
}

// brokerSettings are the addresses of brokers' servers.
func brokerSettings(rabbit, kafka *string) []setting {
	return []setting{
		{"rabbitmq", "WORKBENCH_RABBITMQ", "use the RabbitMQ at `URL`, such as amqp://guest:guest@127.0.0.1:5672/", rabbit},
		{"kafka", "WORKBENCH_KAFKA", "use the Kafka at `ADDRS`, host:port with commas between (default: the protocol's server in this process)", kafka},
	}
}

func checkOrders(c product.Config, level string, rest []string) error {
	var faults []error
	if len(rest) > 0 {
		faults = append(faults, fmt.Errorf("got %q, want flags alone", rest))
	}
	if a, err := netip.ParseAddrPort(c.Addr); err != nil || !a.Addr().IsLoopback() {
		faults = append(faults, fmt.Errorf("flag --addr: got %q, want an address of this machine, such as 127.0.0.1:8090 (port 0: any free one); put a proxy in front to let others in", c.Addr))
	}
	if c.Dir == "" {
		faults = append(faults, errors.New("flag --data: got nothing, want a directory (there is no HOME to put one in)"))
	}
	if !slices.Contains(brokerNames(), c.Broker) {
		faults = append(faults, fmt.Errorf("flag --broker: got %q, want one of %s", c.Broker, strings.Join(brokerNames(), ", ")))
	}
	if c.Broker == "rabbitmq" && c.RabbitMQ == "" {
		faults = append(faults, errors.New("flag --rabbitmq: got nothing with --broker rabbitmq, want its amqp:// address"))
	}
	if c.Broker == "redis" && c.Redis == "" {
		faults = append(faults, errors.New("flag --redis: got nothing with --broker redis, want its redis:// address"))
	}
	if c.Symbols < 0 || c.Symbols > 1_000_000 {
		faults = append(faults, fmt.Errorf("flag --symbols: got %d, want 0 to 1000000", c.Symbols))
	}
	if c.MaxPages < 0 {
		faults = append(faults, fmt.Errorf("flag --max-pages: got %d, want 0 or more", c.MaxPages))
	}
	faults = append(faults, checkServers(c.Redis, c.RabbitMQ, c.Kafka))
	if _, err := (config{level: level}).logLevel(); err != nil {
		faults = append(faults, fmt.Errorf("flag --log: got %q, want debug, info, warn or error", level))
	}
	return errors.Join(faults...)
}

// checkServers reports what is wrong with the addresses of Redis and of brokers.
func checkServers(redis, rabbit, kafka string) error {
	return errors.Join(checkRedis(redis), checkBrokers(rabbit, kafka))
}

// checkRedis reports what is wrong with the address of a Redis. A password is
// not repeated.
func checkRedis(address string) error {
	u, err := url.Parse(address)
	if address == "" || err == nil && u.Host != "" && (u.Scheme == "redis" || u.Scheme == "rediss") {
		return nil
	}
	got := strconv.Quote(address)
	if strings.Contains(address, "@") {
		got = "something else"
	}
	return fmt.Errorf("flag --redis: got %s, want a URL such as redis://127.0.0.1:6379/0", got)
}

// checkBrokers reports what is wrong with the addresses of brokers. A password
// is not repeated.
func checkBrokers(rabbit, kafka string) error {
	var faults []error
	if u, err := url.Parse(rabbit); rabbit != "" && (err != nil || u.Host == "" || u.Scheme != "amqp" && u.Scheme != "amqps") {
		faults = append(faults, errors.New("flag --rabbitmq: got something else, want a URL such as amqp://guest:guest@127.0.0.1:5672/"))
	}
	for _, node := range strings.Split(kafka, ",") {
		if kafka != "" && !strings.Contains(node, ":") {
			faults = append(faults, fmt.Errorf("flag --kafka: got %q, want host:port, with commas between several", kafka))
			break
		}
	}
	return errors.Join(faults...)
}
