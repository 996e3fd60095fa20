package link

// Counters of a link. A frame that came in raises Received or exactly one of
// the counters of drops.
type Counters struct {
	Sent, Received uint64
	SendErrors     uint64

	Oversize    uint64 // dropped: longer than the reader's buffer
	SuperFrames uint64 // dropped: not cut to the MTU, segmentation offload of the sender or merging by the receiver (GRO) left it in one piece
	Runts       uint64 // dropped: shorter than an Ethernet header
	Own         uint64 // dropped: an own frame that came back
	KernelDrops uint64 // dropped by the kernel because the reader was slow

	ChecksumsPartial   uint64 // received frames without their checksum, which the sender had left to offload
	ChecksumsCompleted uint64 // those of them whose checksum was computed on arrival
}

// Counter is one line of a table of counters.
type Counter struct {
	Name  string // "sent", "drop/oversize"
	Value uint64
}

// Table returns every counter, those that are zero among them, in a fixed
// order.
func (c Counters) Table() []Counter {
	return []Counter{
		{"sent", c.Sent}, {"received", c.Received}, {"send-errors", c.SendErrors},
		{"drop/oversize", c.Oversize}, {"drop/super-frame", c.SuperFrames},
		{"drop/runt", c.Runts}, {"drop/own", c.Own}, {"drop/kernel", c.KernelDrops},
		{"checksum/partial", c.ChecksumsPartial}, {"checksum/completed", c.ChecksumsCompleted},
	}
}

// CountersOf returns the counters of l, or of the first link below it that
// counts: tee and fault do not. It reports false where none does.
func CountersOf(l Link) (Counters, bool) {
	for l != nil {
		switch v := l.(type) {
		case interface{ Counters() Counters }:
			return v.Counters(), true
		case interface{ Unwrap() Link }:
			l = v.Unwrap()
		default:
			return Counters{}, false
		}
	}
	return Counters{}, false
}
