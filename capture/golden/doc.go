// Package golden compares a capture with the one that was committed.
//
// [Compare] wants the same bytes. Where they differ it says so in terms of the
// protocols: which frames were changed, are missing or came in addition, in
// which field, with the bytes around.
//
// [Structural] is for runs on real interfaces, where time, addresses drawn at
// random and retransmissions differ from run to run. It compares, for each
// port, flow and type of message, the first occurrence, but for the fields that
// [Rules] call volatile. Which these are is data: see [DefaultRules].
//
// [Check] and [CheckStructural] are what tests call. With MPSTACK_UPDATE=1 in
// the environment Check writes the golden instead, never by a flag:
//
//	func TestJoin(t *testing.T) {
//		golden.Check(t, run(), "testdata/join.pcapng")
//	}
//
// Both read captures whole: they are made for goldens, not for gigabytes.
package golden
