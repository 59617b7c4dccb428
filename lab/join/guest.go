package join

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"workbench/lab/remote"
	"workbench/sim/clock"
)

// How long things may take.
const (
	syncLimit  = 2 * time.Second        // one report and its answer
	syncAgain  = 200 * time.Millisecond // after one that failed
	silence    = 5 * time.Second        // without the lab's answer, the process gives up
	leaveLimit = 10 * time.Second       // to be let go after SIGTERM
	closeLimit = 5 * time.Second        // for accepted work, once nothing new comes
	swapLimit  = 500 * time.Millisecond // for those inside when another run begins
	lookAgain  = 10 * time.Millisecond
)

// Errors with which Run ends.
var (
	ErrKilled = errors.New("the lab has killed this instance, as a crash would")
	ErrSilent = errors.New("the lab does not answer")
)

// Config is what a process that joins is made from. All fields but Name are
// needed.
type Config struct {
	Lab     Lab
	Name    string // empty: the lab chooses one
	Listen  string // host:port of the instance; port 0: any free one
	PID     int
	Version string
	Log     *slog.Logger
	Say     func(line string) // tells a person what happens
}

// guest is the process at work.
type guest struct {
	cfg     Config
	wall    *clock.Wall
	welcome Welcome
	host    string
	addr    string // to listen on; with the port once there is one
	trip    time.Duration
	redis   *remote.Redis
	now     *service // nil before the first plan
	warmed  bool
	told    *told
	cert    *certificate // nil: requests come in the clear

	at         string // what it serves, and where
	seen, done uint64 // of plans
	fault      string
	asked      bool // to end
}

// Run joins the lab and serves until ctx ends, or the lab does. When ctx ends it
// takes leave first: it gets no more requests, finishes what is inside, and what
// it has accepted.
func Run(ctx context.Context, cfg Config) (err error) {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	g := &guest{wall: clock.NewWall(), host: host, addr: cfg.Listen}
	if g.cert, err = certify(g.wall, host); err != nil {
		return err
	}
	if g.told, cfg.Log, err = newTold(g.wall, cfg.Log); err != nil {
		return err
	}
	g.cfg = cfg
	bye := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, g.told.tracer.Close(bye)) }()
	began := g.wall.Now()
	if g.welcome, err = cfg.Lab.Join(ctx, Hello{Name: cfg.Name, Host: host, PID: cfg.PID, Version: cfg.Version, Cert: g.cert.public()}); err != nil {
		return err
	}
	g.trip = g.wall.Now() - began
	if g.redis, err = remote.Open(ctx, remote.Options{URL: g.welcome.Redis, Log: cfg.Log}); err != nil {
		return errors.Join(fmt.Errorf("the lab's Redis: %w", err), g.part(ctx))
	}
	g.redis.Client().AddHook(g.told.tracer.Redis())
	cfg.Say("joined as " + g.welcome.Name)
	for _, line := range privacy(cfg.Lab, host, g.welcome.Redis) {
		cfg.Say(line)
	}
	err = g.serve(ctx)
	return errors.Join(err, g.end(bye), g.redis.Close())
}

// part tells the lab that the process is gone. Its error is the lab's matter: it
// notices by itself.
func (g *guest) part(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), syncLimit)
	defer cancel()
	last := Report{Seen: g.seen, Done: g.done, Leaving: true, Gone: true, Batch: g.told.batch(g.wall)}
	if _, err := g.cfg.Lab.Sync(limited, g.welcome.Member, last); err != nil {
		g.cfg.Log.Warn("the lab was not told that this instance is gone", "error", err)
	}
	return nil
}

// end closes what is still open.
func (g *guest) end(ctx context.Context) error {
	if g.now == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, swapLimit)
	defer cancel()
	return g.now.close(limited)
}

// serve reports and carries out plans until the process ends.
func (g *guest) serve(ctx context.Context) error {
	var asked time.Duration // when it was asked to end
	for heard := g.wall.Now(); ; {
		if ctx.Err() != nil && !g.asked {
			g.asked, asked = true, g.wall.Now()
			g.cfg.Say(fmt.Sprintf("%s leaves: it gets no more requests and finishes what is inside", g.welcome.Name))
		}
		p, err := g.sync(ctx)
		switch {
		case errors.Is(err, ErrUnknown):
			return fmt.Errorf("%w any more: it has ended this instance, or begun anew; start `bin/workbench instance` again", ErrUnknown)
		case err != nil && g.wall.Now()-heard > silence:
			return fmt.Errorf("%w for %v: %w", ErrSilent, silence, err)
		case err != nil:
			g.cfg.Log.Warn("not reported", "error", err)
			if g.wall.Wait(context.WithoutCancel(ctx), g.wall.Now()+syncAgain) != nil {
				return err
			}
			continue
		}
		heard = g.wall.Now()
		switch {
		case p.Kill:
			return errors.Join(ErrKilled, g.kill())
		case p.Ended:
			g.cfg.Say("the lab has ended")
			return g.part(ctx)
		case g.asked && (p.Released || g.now == nil || g.wall.Now()-asked > leaveLimit):
			return g.leave(ctx)
		}
		g.carry(ctx, p)
	}
}

// sync sends one report, with the answers of those that failed.
func (g *guest) sync(ctx context.Context) (Plan, error) {
	r := Report{Seen: g.seen, Done: g.done, Fault: g.fault, Leaving: g.asked}
	if g.now != nil {
		g.now.report(&r)
		g.warm()
	}
	r.Batch = g.told.batch(g.wall)
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), syncLimit)
	defer cancel()
	p, err := g.cfg.Lab.Sync(limited, g.welcome.Member, r)
	if err == nil {
		g.told.confirmed()
	}
	return p, err
}

// warm lets a young instance become quicker.
func (g *guest) warm() {
	if g.warmed {
		return
	}
	g.warmed = g.now.clock.Now()-g.now.began > g.now.plan.Instance.Warmup
	if err := g.now.warm(); err != nil {
		g.cfg.Log.Error("instance not warmed", "error", err)
	}
}

// carry carries out a plan that is new.
func (g *guest) carry(ctx context.Context, p Plan) {
	if p.Number == g.seen || p.Run == 0 {
		return
	}
	g.seen = p.Number
	if err := g.become(context.WithoutCancel(ctx), p); err != nil {
		g.fault = err.Error()
		g.cfg.Log.Error("plan not carried out", "plan", p.Number, "error", err)
		return
	}
	g.done, g.fault = p.Number, ""
}

func (g *guest) become(ctx context.Context, p Plan) error {
	if err := g.told.tracer.Set(p.Trace); err != nil {
		return err
	}
	switch {
	case p.RedisDown:
		if err := g.redis.Kill(); err != nil {
			return err
		}
	default:
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := g.redis.Revive(limited); err != nil {
			g.cfg.Log.Warn("redis is not back yet", "error", err)
		}
	}
	if g.now != nil && g.now.plan.Run == p.Run {
		return g.now.change(p)
	}
	if old := g.now; old != nil {
		g.now = nil
		limited, cancel := context.WithTimeout(ctx, swapLimit)
		err := old.close(limited)
		cancel()
		if err != nil {
			g.cfg.Log.Warn("the last run's instance did not end cleanly", "error", err)
		}
	}
	s, err := open(ctx, p, needs{
		who: g.welcome.Member, pass: g.welcome.Pass, addr: g.addr, open: !loopback(g.host), lab: g.cfg.Lab, redis: g.redis.Client(),
		wall: g.wall, late: g.trip / 2, log: g.cfg.Log, told: g.told, cert: g.cert.pair(),
	})
	if err != nil {
		return err
	}
	if line := fmt.Sprintf("serves %s at %s", p.System, s.server.Addr()); line != g.at {
		g.cfg.Say(line)
		g.at = line
	}
	g.addr = s.server.Addr()
	g.now, g.warmed = s, false
	return nil
}

func (g *guest) kill() error {
	if g.now == nil {
		return nil
	}
	return g.now.kill()
}

// leave ends the instance when it gets no more requests: those inside are
// answered, and what the patterns have accepted is done, while the lab is
// still there for it.
func (g *guest) leave(ctx context.Context) error {
	cut, left := 0, int64(0)
	var err error
	if s := g.now; s != nil {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		for s.server.Inside() > 0 && s.clock.Wait(limited, s.clock.Now()+lookAgain) == nil {
			continue // those inside are answered
		}
		cut = s.server.Inside()
		err = s.close(limited)
		left = s.work.Load()
		cancel()
		g.now = nil
	}
	g.cfg.Say(fmt.Sprintf("%s has left: %d requests cut, %d accepted jobs undone", g.welcome.Name, cut, left))
	return errors.Join(err, g.part(ctx))
}
