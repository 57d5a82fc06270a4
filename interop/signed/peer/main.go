// Checks Merkle proofs with transparency-dev/merkle, the library under the logs of Certificate Transparency and of the Go module proxy.
//
// Reads a JSON list of proofs from standard input, writes a JSON list of what speaks against each; an empty text: it convinces.
package main

import (
	"encoding/hex"
	"encoding/json"
	"log"
	"os"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// One proof: of inclusion where there is an entry, else of consistency. All bytes are hexadecimal.
type claim struct {
	Entry *string  `json:"entry"`
	Index uint64   `json:"index"`
	Size  uint64   `json:"size"`
	Root  string   `json:"root"`
	Old   uint64   `json:"old"`
	Was   string   `json:"was"`
	Path  []string `json:"path"`
}

func main() {
	var claims []claim
	if err := json.NewDecoder(os.Stdin).Decode(&claims); err != nil {
		log.Fatal(err)
	}
	found := make([]string, len(claims))
	for i, one := range claims {
		if err := check(one); err != nil {
			found[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

func check(one claim) error {
	path := make([][]byte, len(one.Path))
	for i, step := range one.Path {
		path[i] = unhex(step)
	}
	hasher := rfc6962.DefaultHasher
	if one.Entry != nil {
		return proof.VerifyInclusion(hasher, one.Index, one.Size, hasher.HashLeaf(unhex(*one.Entry)), path, unhex(one.Root))
	}
	return proof.VerifyConsistency(hasher, one.Old, one.Size, path, unhex(one.Was), unhex(one.Root))
}

func unhex(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		log.Fatal(err)
	}
	return data
}
