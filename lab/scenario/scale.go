package scenario

import "slices"

// Scaled returns the scenario with its rates, its slots, and its bounds on
// metrics that grow with traffic multiplied by x. Pattern knobs stay at
// reference scale: whoever builds the patterns knows which of them grow, and
// scales those (chain.Arrange).
//
// A gate's Backlog stays too: it is the bound of one machine's memory.
func (s Spec) Scaled(x float64) Spec {
	s.Traffic = s.Traffic.Scale(x)
	s.Gate.Slots = scaleCount(s.Gate.Slots, x)
	s.Provider.Slots = scaleCount(s.Provider.Slots, x)
	s.Second.Slots = scaleCount(s.Second.Slots, x)
	s.Instance.Slots = scaleCount(s.Instance.Slots, x)
	s.Claims = slices.Clone(s.Claims)
	for i := range s.Claims {
		c := &s.Claims[i]
		c.Min, c.Max = scaleBounds(c.Metric, x, c.Min, c.Max)
	}
	s.Predict.Options = slices.Clone(s.Predict.Options)
	for i := range s.Predict.Options {
		o := &s.Predict.Options[i]
		o.Min, o.Max = scaleBounds(s.Predict.Metric, x, o.Min, o.Max)
	}
	s.Ablation.Min, s.Ablation.Max = scaleBounds(s.Ablation.Metric, x, s.Ablation.Min, s.Ablation.Max)
	return s
}

// scaleCount keeps at least one of what there was at all.
func scaleCount(n int, x float64) int {
	if n == 0 {
		return 0
	}
	return max(1, int(float64(n)*x+0.5))
}

func scaleBounds(name string, x float64, lo, hi *float64) (*float64, *float64) {
	if m, _, ok := metric(name); !ok || !m.Scales {
		return lo, hi
	}
	times := func(v *float64) *float64 {
		if v == nil {
			return nil
		}
		return new(*v * x)
	}
	return times(lo), times(hi)
}
