// Package dissector holds the Wireshark dissector of the multipoint join
// protocol: mpj.lua, a plug-in for Wireshark and tshark from 4.0 on.
//
//	tshark -X lua_script:mpj.lua -r capture.pcapng -Y mpj
//
// It is bound to UDP port 52205 and to nothing else: it guesses no other
// traffic to be its own. Each field and object of the protocol has a name:
// mpj.type, mpj.dst_tag, mpj.target, mpj.target.addr (mpj.target.addr6 for
// IPv6), mpj.user_data.data, mpj.object.class. What cannot be right is an expert
// info: mpj.malformed (error) for framing and lengths, mpj.suspicious (warning)
// for bytes that must be zero and classes that must be known.
//
// The file is generated from the registry of wire/mpj by this package's test,
// which fails when the two differ; "go generate" writes it.
//
// Not here: what needs more than one frame (requests and their answers,
// sessions), and the other protocols, which Wireshark knows by itself.
package dissector
