package measure

import (
	"context"
	"time"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
	"workbench/sim/theory"
)

// second is a service time that makes results be in service times.
const second = time.Second

// mental is what chapter 1 prints.
func mental() []Program {
	return []Program{hockey(), pooling(), fanOut(), testers(), capacity()}
}

// hockey is the mean stay at one server as it gets busier.
func hockey() Program {
	points := []struct {
		name string
		busy float64
	}{{"busy50", .5}, {"busy80", .8}, {"busy90", .9}, {"busy95", .95}}
	p := Program{ID: "mental-model.hockey"}
	for _, at := range points {
		p.Figures = append(p.Figures, guide.Figure{ID: at.name, Unit: "×", How: "mean time in an M/M/1 queue over its service time", Formula: "1/(1-ρ)"})
	}
	p.Measure = func(context.Context) (map[string]float64, error) {
		out := map[string]float64{}
		for _, at := range points {
			q, err := theory.NewMMC(at.busy, 1, second)
			if err != nil {
				return nil, err
			}
			out[at.name] = q.MeanResponse().Seconds()
		}
		return out, nil
	}
	return p
}

// pooling is the mean wait at 80 % busy for more and more servers in one pool.
func pooling() Program {
	points := []struct {
		name    string
		servers int
	}{{"one", 1}, {"two", 2}, {"four", 4}, {"ten", 10}, {"twenty", 20}}
	p := Program{ID: "mental-model.pooling"}
	for _, at := range points {
		p.Figures = append(p.Figures, guide.Figure{ID: at.name, Unit: "", Digits: 2, How: "mean wait in service times at 80 % busy, M/M/c", Formula: "C(c, 0.8c)/(c(1-0.8)), C being Erlang's"})
	}
	p.Measure = func(context.Context) (map[string]float64, error) {
		out := map[string]float64{}
		for _, at := range points {
			q, err := theory.NewMMC(.8*float64(at.servers), at.servers, second)
			if err != nil {
				return nil, err
			}
			out[at.name] = q.MeanWait().Seconds()
		}
		return out, nil
	}
	return p
}

// fanOut is how many requests are slow when each needs many answers.
func fanOut() Program {
	points := []struct {
		name   string
		leaves int
	}{{"one", 1}, {"ten", 10}, {"fifty", 50}, {"hundred", 100}}
	p := Program{ID: "mental-model.fanout"}
	for _, at := range points {
		p.Figures = append(p.Figures, guide.Figure{ID: at.name, Unit: "%", How: "requests with at least one call slower than its own 99th percentile", Formula: "1-0.99^n"})
	}
	p.Measure = func(context.Context) (map[string]float64, error) {
		out := map[string]float64{}
		for _, at := range points {
			share, err := theory.FanOut(.01, at.leaves)
			if err != nil {
				return nil, err
			}
			out[at.name] = 100 * share
		}
		return out, nil
	}
	return p
}

// testers is what two load tests say of the same stall.
func testers() Program {
	return Program{
		ID: "mental-model.omission",
		Figures: []guide.Figure{
			counted("closed", "ms", 0, "99th percentile that a closed-loop tester reports of 20 s with a stall of 2 s"),
			counted("open", "ms", 0, "99th percentile that an open-loop tester reports of 20 s with a stall of 2 s"),
			counted("closed-slow", "", 0, "answers over 100 ms that the closed loop saw"),
			counted("open-slow", "", 0, "answers over 100 ms that the open loop saw"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			s := code.Stall{Quick: time.Millisecond, From: 9 * time.Second, To: 11 * time.Second}
			closed, open := code.Closed(s, 10*time.Millisecond, 20*time.Second), code.Open(s, 10*time.Millisecond, 20*time.Second)
			const slow = 100 * time.Millisecond
			return map[string]float64{
				"closed": ms(closed.Quantile(.99)), "open": ms(open.Quantile(.99)),
				"closed-slow": float64(closed.Over(slow)), "open-slow": float64(open.Over(slow)),
			}, nil
		},
	}
}

// capacity is the worked answer to "ten million users a day".
func capacity() Program {
	return Program{
		ID: "mental-model.capacity",
		Figures: []guide.Figure{
			counted("peak", "/s", 0, "code.Peak of 10 M users, 20 requests each, peak three times the average"),
			counted("inside", "", 0, "requests inside at the peak, each staying for 80 ms: Little's law"),
			counted("instances", "", 0, "code.Instances for that peak: 80 ms, 50 at once, 60 % busy"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			peak := code.Peak(10e6, 20, 3)
			inside, err := theory.Little(peak, 80*time.Millisecond)
			return map[string]float64{"peak": peak, "inside": inside, "instances": float64(code.Instances(peak, 80*time.Millisecond, 50, .6))}, err
		},
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
