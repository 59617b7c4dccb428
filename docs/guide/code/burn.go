package code

// guide:begin burn

// Burn returns how fast a share of errors uses up what an objective allows: 1
// uses it up exactly in the objective's period, 14.4 uses up a 30-day one in
// about two days.
func Burn(errorShare, objective float64) float64 { return errorShare / (1 - objective) }

// Paged returns the first minute at which an alert on two windows fires: the
// burn over the long window shows that it matters, the one over the short
// window that it is still going on. shares holds one share of errors a minute.
func Paged(shares []float64, long, short int, objective, limit float64) (minute int, ok bool) {
	for now := long; now <= len(shares); now++ {
		if Burn(mean(shares[now-long:now]), objective) >= limit && Burn(mean(shares[now-short:now]), objective) >= limit {
			return now, true
		}
	}
	return 0, false
}

// guide:end

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
