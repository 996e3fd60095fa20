package machine

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// Rand returns the random stream of (seed, node, purpose). Streams are
// independent: a new draw in one shifts nothing in another.
func Rand(seed uint64, node, purpose string) *rand.Rand {
	h := streamHash(seed, node, purpose)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])))
}

// SeededEntropy returns a reproducible source for what is secret outside a
// simulation (tags, cookies, keys, epochs). On a real interface crypto/rand's
// Reader must be used instead.
func SeededEntropy(seed uint64, node, purpose string) io.Reader {
	return rand.NewChaCha8(streamHash(seed, node, purpose))
}

func streamHash(seed uint64, node, purpose string) [32]byte {
	b := binary.BigEndian.AppendUint64(nil, seed)
	b = binary.BigEndian.AppendUint32(b, uint32(len(node)))
	b = append(b, node...)
	b = append(b, purpose...)
	return sha256.Sum256(b)
}
