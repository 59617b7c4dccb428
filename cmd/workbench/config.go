package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"workbench/lab/scenario"
	"workbench/lab/trace/otlp"
)

// config is how the program starts. It is fixed from then on; what can be
// changed while it runs is a knob.
type config struct {
	addr     string   // where to listen: host:port
	hosts    []string // further names by which the server may be called
	data     string   // the learner's directory
	redis    string   // a Redis to use; empty: our own
	postgres database // empty: SQLite
	rabbitmq string   // a RabbitMQ to use; empty: there is none
	kafka    string   // nodes of a Kafka to use; empty: the protocol's server in this process
	token    string   // needed when others can reach addr
	otlp     string   // a collector for traces; empty: none
	scenario string   // with which the lab begins
	level    string   // of the log
	open     bool     // open the browser

	classroom       bool   // hold a class
	tlsCert, tlsKey string // files; empty: connections are not encrypted by us
	behindProxy     bool   // a proxy of the user's encrypts in front of us

	plugDeadline time.Duration // for one decision of a plugged-in answer
}

// minToken is the least length of an access token: with fewer characters it
// could be guessed.
const minToken = 16

// setting is one value of the configuration: its flag, and the variable that
// the flag goes before.
type setting struct {
	flag, variable, help string
	value                *string
}

// readConfig returns the configuration: the defaults, over them the
// environment, over that the flags. Its error joins everything that is wrong.
func (p *program) readConfig(args []string) (config, error) {
	c := config{addr: "127.0.0.1:8080", data: p.dataDir(), scenario: scenario.Names()[0], level: "info"}
	settings := []setting{
		{"addr", "WORKBENCH_ADDR", "listen on `HOST:PORT`", &c.addr},
		{"data", "WORKBENCH_DATA", "keep the learner's runs in `DIR`", &c.data},
		{"redis", "WORKBENCH_REDIS", "use the Redis at `URL` (default: a private redis-server if there is one, else the embedded one)", &c.redis},
		{"otlp", "WORKBENCH_OTLP", "send traces to the OTLP collector at `URL`, such as http://127.0.0.1:4318", &c.otlp},
		{"scenario", "WORKBENCH_SCENARIO", "begin with scenario `NAME`", &c.scenario},
		{"tls-cert", "WORKBENCH_TLS_CERT", "encrypt, with the certificate in `FILE`", &c.tlsCert},
		{"tls-key", "WORKBENCH_TLS_KEY", "the certificate's key, in `FILE`", &c.tlsKey},
		{"log", "WORKBENCH_LOG", "log from `LEVEL` on: debug, info, warn or error", &c.level},
	}
	settings = append(settings, brokerSettings(&c.rabbitmq, &c.kafka)...)
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	for _, s := range settings {
		if v := p.env(s.variable); v != "" {
			*s.value = v
		}
		fs.StringVar(s.value, s.flag, *s.value, s.help+"; or "+s.variable)
	}
	p.postgres(fs, &c.postgres)
	c.token = p.env("WORKBENCH_TOKEN") // not a flag: others can read a process's arguments
	hosts := p.env("WORKBENCH_HOSTS")
	fs.StringVar(&hosts, "hosts", hosts, "also answer to these `NAMES` of this machine, with commas between; or WORKBENCH_HOSTS")
	fs.BoolVar(&c.classroom, "classroom", false, "hold a class: learners join by a link, predict, and watch the lab that the teacher drives")
	fs.BoolVar(&c.behindProxy, "behind-proxy", false, "a proxy that encrypts stands in front and sets X-Forwarded-Proto")
	fs.BoolVar(&c.open, "open", false, "open the browser")
	fs.DurationVar(&c.plugDeadline, "plug-deadline", 5*time.Millisecond, "how `LONG` a plugged-in answer may take for one decision before ours decides")
	rest, err := p.flags(fs, args)
	if err != nil {
		return config{}, err
	}
	if hosts != "" {
		c.hosts = strings.Split(hosts, ",")
	}
	if len(rest) > 0 {
		err = fmt.Errorf("got %q, want flags alone (subcommands: %s)", rest, strings.Join(names(), ", "))
	}
	if err = errors.Join(err, c.validate()); err != nil {
		return config{}, usagef("%w", err)
	}
	return c, nil
}

// dataDir returns where a learner's files are by default, or "" when the
// environment names no home.
func (p *program) dataDir() string {
	if dir := p.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "workbench")
	}
	for _, variable := range []string{"LOCALAPPDATA", "HOME"} {
		if dir := p.env(variable); dir != "" {
			if variable == "HOME" {
				dir = filepath.Join(dir, ".local", "share")
			}
			return filepath.Join(dir, "workbench")
		}
	}
	return ""
}

// validate reports everything that is wrong with c, joined.
func (c config) validate() error {
	var faults []error
	wrong := func(name, got, want string) {
		faults = append(faults, fmt.Errorf("flag --%s: got %q, want %s", name, got, want))
	}
	host, port, err := net.SplitHostPort(c.addr)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n > 65535 {
		wrong("addr", c.addr, "HOST:PORT, such as 127.0.0.1:8080 (port 0: any free one)")
	} else if c.shared() {
		if len(c.token) < minToken && !c.classroom {
			faults = append(faults, fmt.Errorf("flag --addr: others can reach %q, and the server runs code: set WORKBENCH_TOKEN to a secret of at least %d characters, or listen on 127.0.0.1", c.addr, minToken))
		}
		if wildcard(host) && len(c.hosts) == 0 {
			faults = append(faults, fmt.Errorf("flag --hosts: got nothing with --addr %s, want the names by which others call this machine", c.addr))
		}
	}
	faults = append(faults, c.validateShared()...)
	for _, h := range c.hosts {
		if h == "" || strings.ContainsAny(h, "/ :") {
			wrong("hosts", h, "a host's name without scheme and port")
		}
	}
	if c.plugDeadline < time.Millisecond || c.plugDeadline > time.Second {
		wrong("plug-deadline", c.plugDeadline.String(), "1ms to 1s")
	}
	if c.data == "" {
		wrong("data", "", "a directory (there is no HOME to put one in)")
	}
	if _, err := otlp.Target(c.otlp); c.otlp != "" && err != nil {
		wrong("otlp", c.otlp, "a URL such as http://127.0.0.1:4318")
	}
	faults = append(faults, checkServers(c.redis, c.rabbitmq, c.kafka))
	if _, err := scenario.Find(c.scenario); err != nil {
		faults = append(faults, fmt.Errorf("flag --scenario: %w", err))
	}
	if _, err := c.logLevel(); err != nil {
		wrong("log", c.level, "debug, info, warn or error")
	}
	return errors.Join(faults...)
}

func (c config) logLevel() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(c.level))
	return level, err
}

// loopback reports whether only this machine can reach a host.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// wildcard reports whether a host means every address of this machine.
func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// names returns every Host header that the server at addr answers to.
func (c config) names(addr net.Addr) []string {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil // a TCP address always has a port
	}
	host, _, _ := net.SplitHostPort(c.addr) // checked by validate
	all := c.hosts
	if !wildcard(host) {
		all = append([]string{host}, all...)
	}
	if loopback(host) {
		all = append(all, "127.0.0.1", "localhost", "::1")
	}
	var out []string
	if c.behindProxy { // a proxy at the scheme's own port
		out = append(out, c.hosts...)
	}
	for _, h := range all {
		out = append(out, net.JoinHostPort(h, port))
	}
	return out
}
