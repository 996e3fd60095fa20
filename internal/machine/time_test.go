package machine

import (
	"math"
	"testing"
	"time"
)

func TestTimeString(t *testing.T) {
	for at, want := range map[Time]string{
		0:                       "1970-01-01T00:00:00.000000000Z",
		VirtualEpoch:            "2000-01-01T00:00:00.000000000Z",
		VirtualEpoch + 1:        "2000-01-01T00:00:00.000000001Z",
		VirtualEpoch - 1:        "1999-12-31T23:59:59.999999999Z",
		VirtualEpoch.Add(90e9):  "2000-01-01T00:01:30.000000000Z",
		-1:                      "1969-12-31T23:59:59.999999999Z",
		math.MaxInt64:           "2262-04-11T23:47:16.854775807Z",
		math.MinInt64:           "1677-09-21T00:12:43.145224192Z",
		VirtualEpoch + 12345678: "2000-01-01T00:00:00.012345678Z",
	} {
		if got := at.String(); got != want {
			t.Errorf("Time(%d) = %s, want %s", int64(at), got, want)
		}
		back, err := time.Parse(time.RFC3339Nano, want)
		if err != nil || FromTime(back) != at {
			t.Errorf("%s reads back as %d, %v, want %d", want, FromTime(back), err, at)
		}
	}
}

func TestTimeArithmetic(t *testing.T) {
	at := VirtualEpoch.Add(1500 * time.Millisecond)
	if d := at.Sub(VirtualEpoch); d != 1500*time.Millisecond {
		t.Errorf("Sub = %v", d)
	}
	if d := VirtualEpoch.Sub(at); d != -1500*time.Millisecond {
		t.Errorf("Sub the other way = %v", d)
	}
	if got := at.Add(-1500 * time.Millisecond); got != VirtualEpoch {
		t.Errorf("Add back = %v", got)
	}
}

func TestFromTimeIgnoresZone(t *testing.T) {
	zone := time.FixedZone("east", 5*3600)
	if got := FromTime(time.Date(2000, 1, 1, 5, 0, 0, 0, zone)); got != VirtualEpoch {
		t.Errorf("got %v, want the virtual epoch", got)
	}
	if loc := VirtualEpoch.UTC().Location(); loc != time.UTC {
		t.Errorf("UTC is in %v", loc)
	}
}

func TestClock(t *testing.T) {
	var c Clock
	for _, tc := range []struct{ now, want Time }{
		{VirtualEpoch, VirtualEpoch},
		{VirtualEpoch - 5, VirtualEpoch}, // an earlier instant counts as the last one
		{VirtualEpoch, VirtualEpoch},
		{VirtualEpoch + 5, VirtualEpoch + 5},
		{0, VirtualEpoch + 5},
	} {
		if got := c.At(tc.now); got != tc.want || c.Now() != tc.want {
			t.Errorf("At(%d) = %d, Now() = %d, want %d", tc.now, got, c.Now(), tc.want)
		}
	}
}

func TestTransitionString(t *testing.T) {
	got := Transition{
		At: VirtualEpoch, Machine: "mpj/asked", Subject: "10.0.0.1:5000", From: "Pending", Event: "Accept",
		To: "Joined", Reason: "the application accepted", Cause: "mpj/asked/Pending/Accept",
	}.String()
	if want := "mpj/asked 10.0.0.1:5000: Pending --Accept--> Joined (the application accepted)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
