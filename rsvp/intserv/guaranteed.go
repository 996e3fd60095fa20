package intserv

import "math"

// QueueingDelay returns the bound that guaranteed service gives on the queueing
// delay of a flow at rate R, in microseconds (RFC 2212, "End-to-End Behavior"):
//
//	(b-M)/R * (p-R)/(p-r) + (M+Ctot)/R + Dtot   if p > R >= r
//	                        (M+Ctot)/R + Dtot   if R >= p >= r
//
// The path's latency comes on top.
func QueueingDelay(t TSpec, rate float32, ctot, dtot uint32) float64 {
	r, p, b, m := float64(t.Rate), float64(t.Peak), float64(t.Depth), float64(t.MaxPacket)
	R := float64(rate)
	delay := float64((m + float64(ctot)) / R)
	if p > R {
		share := 1.0 // (p-R)/(p-r) as p goes to infinity
		if !math.IsInf(p, 1) {
			share = float64((p - R) / (p - r))
		}
		delay += float64(float64(max(b-m, 0)/R) * share)
	}
	return float64(delay*1e6) + float64(dtot)
}

// RateFor returns the least rate R, not below r, at which the queueing delay is
// at most the given number of microseconds. It reports false if no rate does:
// the rate-independent term alone takes the whole time, or R would have to be
// above MaxRate.
func RateFor(t TSpec, delay float64, ctot, dtot uint32) (rate float32, ok bool) {
	x := float64((delay - float64(dtot)) / 1e6) // seconds for what depends on R
	if x <= 0 {
		return 0, false
	}
	r, p, b, m := float64(t.Rate), float64(t.Peak), float64(t.Depth), float64(t.MaxPacket)
	fixed := m + float64(ctot)
	R := float64(fixed / x) // where R >= p
	if burst := max(b-m, 0); math.IsInf(p, 1) {
		R = float64((fixed + burst) / x)
	} else if R < p && p > r {
		over := float64(burst / (p - r))
		R = float64((float64(over*p) + fixed) / (x + over))
	}
	if R = max(R, r); R > MaxRate {
		return 0, false
	}
	rate = float32(R)
	for range 4 { // rounding to single precision may have gone below
		if QueueingDelay(t, rate, ctot, dtot) <= delay {
			return rate, true
		}
		rate = math.Nextafter32(rate, Infinity())
	}
	return rate, true
}
