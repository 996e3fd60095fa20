// Package capture reads captures of any usual form and writes pcapng.
//
// [Open] detects pcapng, classic pcap (microseconds and nanoseconds, either
// byte order) and gzip around them, and yields one [Record] a frame, holding
// one frame in memory at a time. [NewWriter] writes what goldens and live
// viewers read.
//
//	for rec, err := range capture.Open(file) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(rec.Number, rec.At, rec.Port, len(rec.Data))
//	}
//
// The packages below it: pcapng (the file format), dissect (a frame as a tree
// of layers, objects and fields), golden (comparing captures), dissector (our
// Wireshark plug-in).
//
// Not here: opening files and interfaces, which callers do; other file formats.
package capture
