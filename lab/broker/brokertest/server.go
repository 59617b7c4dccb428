package brokertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab/process"
	"workbench/sim/clock"
)

// startLimit is how long a server may take until it answers.
const startLimit = 60 * time.Second

// Need returns where one of these programs is. Without any the test is
// skipped, or fails if WORKBENCH_REQUIRE has the word.
func Need(t *testing.T, word, advice string, programs ...string) string {
	t.Helper()
	for _, p := range programs {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), word) {
		t.Fatalf("none of %s is here, and WORKBENCH_REQUIRE asks for %s: %s", strings.Join(programs, ", "), word, advice)
	}
	t.Skipf("none of %s is here: %s", strings.Join(programs, ", "), advice)
	return ""
}

// FreePort returns a loopback port on which nobody listens.
func FreePort(t *testing.T) int {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Server is a program that a test has started. It ends with the test.
type Server struct {
	t       *testing.T
	command func() *exec.Cmd
	ready   func(ctx context.Context) error
	process *process.Process
}

// Serve starts a program and waits until it is ready. command makes the
// command anew for each start.
func Serve(t *testing.T, command func() *exec.Cmd, ready func(ctx context.Context) error) *Server {
	t.Helper()
	s := &Server{t: t, command: command, ready: ready}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts the program again after Kill, on the same port and in the same
// folder.
func (s *Server) Start() {
	s.t.Helper()
	c := s.command()
	endWithParent(c)
	p, err := process.Begin(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.process = p
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	wall := clock.NewWall()
	for {
		err := s.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-p.Done():
			s.t.Fatalf("%s ended: %v; it said: %s", c.Path, p.Err(), p.Said())
		default:
		}
		if wall.Wait(ctx, wall.Now()+20*time.Millisecond) != nil {
			s.t.Fatalf("%s does not answer: %v; it said: %s", c.Path, err, p.Said())
		}
	}
}

// Kill ends the program at once, as a crash would, and waits until it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.End(os.Kill); err != nil {
		s.t.Error(err)
	}
	s.process = nil
}

// Answers waits for nothing: it asks whether somebody listens on a loopback
// port.
func Answers(ctx context.Context, port int) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return c.Close()
}

// Redis starts a redis-server that syncs every write, and returns its address.
func Redis(t *testing.T) (server *Server, address string) {
	t.Helper()
	path := Need(t, "redis", "apt-get install redis-server", "redis-server")
	port, dir := FreePort(t), t.TempDir()
	return Serve(t, func() *exec.Cmd {
		return exec.Command(path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no")
	}, func(ctx context.Context) error { return Answers(ctx, port) }), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// rabbitProgram is the server itself: the wrapper on the PATH wants to be the
// user rabbitmq and to run one server a machine.
const rabbitProgram = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// RabbitMQ starts a RabbitMQ with a port mapper of its own, and returns its
// URL. It takes some seconds.
func RabbitMQ(t *testing.T) (server *Server, url string) {
	t.Helper()
	const advice = "apt-get install rabbitmq-server"
	path := Need(t, "rabbitmq", advice, rabbitProgram)
	mapper := Need(t, "rabbitmq", advice, "epmd")
	dir := t.TempDir()
	amqp, distribution, names := FreePort(t), FreePort(t), FreePort(t)
	for name, text := range map[string]string{
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nloopback_users = none\nvm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n", amqp),
		"plugins":       "[].\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Left to itself the server starts a port mapper that outlives it.
	Serve(t, func() *exec.Cmd {
		return exec.Command(mapper, "-address", "127.0.0.1", "-port", strconv.Itoa(names))
	}, func(ctx context.Context) error { return Answers(ctx, names) })
	return Serve(t, func() *exec.Cmd {
		c := exec.Command(path)
		c.Env = append(os.Environ(),
			"RUNNING_UNDER_SYSTEMD=true", // it becomes the server, without a shell in between
			"HOME="+dir,
			"RABBITMQ_NODENAME=workbench@localhost",
			"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
			"RABBITMQ_DIST_PORT="+strconv.Itoa(distribution),
			"RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"),
			"RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"),
			"RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq"),
			"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"),
			"RABBITMQ_PID_FILE="+filepath.Join(dir, "pid"),
			"ERL_EPMD_PORT="+strconv.Itoa(names),
			"ERL_EPMD_ADDRESS=127.0.0.1",
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		)
		return c
	}, func(ctx context.Context) error { return Answers(ctx, amqp) }), fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", amqp)
}
