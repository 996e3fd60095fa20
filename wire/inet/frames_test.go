package inet_test

import "testing"

// frames returns whole frames, made by a program that shares no code with this
// package and read by tshark without a complaint.
func frames(t testing.TB) map[string][]byte {
	const (
		eth4 = "020000000002 020000000001 0800"
		eth6 = "020000000002 020000000001 86dd"
		ll1  = "fe80000000000000000000fffe000001"
		ll2  = "fe80000000000000000000fffe000002"
	)
	out := map[string][]byte{}
	for name, s := range map[string]string{
		"udp4":         eth4 + quoted4,
		"udp6":         eth6 + quoted6,
		"vlan":         "020000000002 020000000001 8100 a064 0800" + quoted4,
		"arp":          "ffffffffffff 020000000001 0806" + arpRequest,
		"igmp":         "01005e010101 020000000001 0800 46c0 0020 0000 0000 0102 2a14 0a000002 ef010101 94040000 1600 f9fc ef010101",
		"echo4":        eth4 + "4500 0020 0007 0000 4001 66d4 0a000001 0a000002 0800 06fa 1234 0001 70696e67",
		"unreachable4": eth4 + "45c0 003d 0000 0000 4001 65fe 0a000002 0a000001 0303 111e 00000000" + quoted4,
		"too big":      eth6 + "60000000 003d 3a 40" + doc2 + doc1 + "0200 fd1d 00000500" + quoted6,
		"ns":           eth6 + "60000000 0020 3a ff" + ll1 + "ff0200000000000000000001ff000002 8700 7c97 00000000" + ll2 + sourceLink1,
		"na":           eth6 + "60000000 0020 3a ff" + ll2 + ll1 + "8800 1b1a 60000000" + ll2 + targetLink2,
		"rs":           eth6 + "60000000 0010 3a ff" + ll1 + "ff020000000000000000000000000002 8500 7b2c 00000000" + sourceLink1,
		"ra": eth6 + "60000000 0040 3a ff" + ll1 + "ff020000000000000000000000000001 8600 75b5 4080 0708 00007530 000003e8" +
			sourceLink1 + "0501 0000 00000578 0304 40c0 00278d00 00093a80 00000000 20010db8000000000000000000000000",
		"redirect": eth6 + "60000000 0030 3a ff" + ll1 + doc1 + redirectHex,
		"options4": eth4 + "4d00 003c 0001 0000 4011 0000 0a000001 0a000002" +
			"94040000 01 830704 0a000002 440c05000000000000000000 88040009 8203ab 00 0001 0002 0008 ebd8",
		"mld": eth6 + "60000000 0020 00 01" + ll1 + "ff3e0000000000000000000080000001 3a00 05020000 0100" +
			"8300 80aa 00000000 ff3e0000000000000000000080000001",
		"rsvp6, PadN first": eth6 + "60000000 0010 00 ff" + doc1 + doc2 + "2e00 0100 05020001 1001 f0f5 ff000008",
		"fragment6":         eth6 + "60000000 0018 2c 40" + doc1 + doc2 + "1100 00b1 deadbeef 78787878787878787878787878787878",
		"atomic fragment6":  eth6 + "60000000 0010 2c 40" + doc1 + doc2 + "1100 0000 deadbeef 0001 0002 0008 a466",
		"all extension headers": eth6 + "60000000 0028 00 40" + doc1 + doc2 + "3c00 05020001 0100 2b00 010400000000" +
			"3c00 0300 00000000 1100 010400000000 0001 0002 0008 a466",
	} {
		out[name] = unhex(t, s)
	}
	fixSum(out["options4"][14:])
	return out
}
