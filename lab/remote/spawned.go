package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/sim/clock"
)

const (
	startLimit = 5 * time.Second       // measured: 40 to 90 ms
	startPoll  = 10 * time.Millisecond // between two asks whether it is up
	startTries = 3                     // another process may take the free port first
	tailBytes  = 2048                  // of the server's output, kept for an error
)

// errPort is a server on our port that is not ours.
var errPort = errors.New("another server has the port")

// serverPath returns where redis-server is, or "".
func serverPath() string {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return ""
	}
	return path
}

// child is a redis-server that this process started.
type child struct {
	path, dir, password, version string
	port                         int

	mu   sync.Mutex
	proc *process // guarded by mu; nil while killed
}

// spawn starts a private redis-server in a directory of its own under parent.
func spawn(ctx context.Context, path, parent string) (*child, error) {
	dir, err := os.MkdirTemp(parent, "workbench-redis-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for redis-server: %w", err)
	}
	c := &child{path: path, dir: dir, password: rand.Text()}
	for range startTries {
		if c.port, err = freePort(); err != nil {
			break
		}
		if err = c.revive(ctx); err == nil {
			return c, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free loopback port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

func (c *child) kind() Kind    { return Spawned }
func (c *child) label() string { return "real (redis-server " + c.version + ")" }

func (c *child) options() *redis.Options {
	return limited(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)), Password: c.password})
}

// config is what redis-server reads on its standard input. The password goes
// that way because arguments are visible to every user of the machine.
func (c *child) config() string {
	return strings.Join([]string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(c.port),
		"dir " + strconv.Quote(c.dir),
		"requirepass " + c.password,
		`save ""`,
		"appendonly no",
		"daemonize no",
		"maxmemory 64mb",
		"maxmemory-policy volatile-lru", // caches and limits have lifetimes; queues have none and are not evicted
		"",
	}, "\n")
}

// kill ends the process at once, as a crash would.
func (c *child) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return nil
	}
	err := c.proc.end()
	c.proc = nil
	return err
}

func (c *child) revive(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := start(c.path, c.config())
	if err != nil {
		return err
	}
	version, err := c.await(ctx, p)
	if err != nil {
		return errors.Join(err, p.end())
	}
	if c.version == "" { // the first start; later it is read without the lock
		c.version = version
	}
	c.proc = p
	return nil
}

// await returns the server's version once it answers and is the process we
// started: a stranger on our port would not know the password, or have another
// process id.
func (c *child) await(ctx context.Context, p *process) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	probe := redis.NewClient(c.options())
	defer func() { err = errors.Join(err, probe.Close()) }()
	wall := clock.NewWall()
	for {
		info, asked := probe.Info(ctx, "server").Result()
		if asked == nil {
			if pid := infoField(info, "process_id"); pid != strconv.Itoa(p.pid) {
				return "", fmt.Errorf("port %d: %w (process %s)", c.port, errPort, pid)
			}
			return infoField(info, "redis_version"), nil
		}
		select {
		case <-p.done:
			return "", fmt.Errorf("redis-server ended: %w; it said: %s", p.err, p.said.String())
		default:
		}
		if err := wall.Wait(ctx, wall.Now()+startPoll); err != nil {
			return "", fmt.Errorf("redis-server does not answer on port %d: %w", c.port, errors.Join(err, asked))
		}
	}
}

func (c *child) close() error { return errors.Join(c.kill(), os.RemoveAll(c.dir)) }

// process is a started command whose end is awaited.
type process struct {
	cmd  *exec.Cmd
	pid  int
	said *tail
	done chan struct{} // closed when the process is gone
	err  error         // how it ended; valid after done
}

// start runs the server with its configuration on standard input. One
// goroutine starts and awaits it without leaving its thread, because Linux
// takes the end of the starting thread for the end of the parent (see
// endWithParent).
func start(path, config string) (*process, error) {
	p := &process{said: &tail{}, done: make(chan struct{})}
	p.cmd = exec.Command(path, "-")
	p.cmd.Stdin = strings.NewReader(config)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	endWithParent(p.cmd)
	started := make(chan error, 1)
	go func() { // ends with the process, which end awaits
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	p.pid = p.cmd.Process.Pid
	return p, nil
}

// end kills the process and waits until it is gone.
func (p *process) end() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// tail keeps the last bytes written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

// String returns what was kept, on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ReplaceAll(bytes.TrimSpace(t.buf), []byte("\n"), []byte(" | ")))
}
