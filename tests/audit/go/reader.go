// A reader of the log by Go's own packages (golang.org/x/mod/sumdb): note opens the checkpoint, tlog checks tiles,
// records and both kinds of proof. Only fetching and the words of tlog-tiles' paths are written here.
//
//	reader <address of the log> <verifier key> [<older checkpoint>]
//
// Answers one line of JSON, or says what is wrong and ends with code 1.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(base, vkey string, older []string) error {
	text, err := fetch(base + "/checkpoint")
	if err != nil {
		return err
	}
	tree, err := head(text, vkey)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, &tiles{base})
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the tiles lead to %v, and %v was signed", root, tree.Hash)
	}
	if err := records(base, tree, hashes); err != nil {
		return err
	}
	for _, n := range []int64{0, tree.N / 2, tree.N - 1} {
		if err := oneRecord(base, n, tree, hashes); err != nil {
			return err
		}
	}
	var sizes []int64
	for _, file := range older {
		old, err := ioutil.ReadFile(file)
		if err != nil {
			return err
		}
		before, err := head(old, vkey)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, before.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return err
		}
		sizes = append(sizes, before.N)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"size": tree.N, "root": base64.StdEncoding.EncodeToString(tree.Hash[:]), "older": sizes})
}

func head(text []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("this checkpoint does not have three lines of this log: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// Every entry of every bundle hashes to what the tiles say, which TileHashReader has proven against the root.
func records(base string, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		entries, err := bundle(base, first, tree.N)
		if err != nil {
			return err
		}
		var places []int64
		for n := range entries {
			places = append(places, tlog.StoredHashIndex(0, first+int64(n)))
		}
		wanted, err := hashes.ReadHashes(places)
		if err != nil {
			return err
		}
		for n, entry := range entries {
			if tlog.RecordHash(entry) != wanted[n] {
				return fmt.Errorf("entry %d is not the one that was sealed", first+int64(n))
			}
		}
	}
	return nil
}

func oneRecord(base string, n int64, tree tlog.Tree, hashes tlog.HashReader) error {
	first := n &^ (1<<height - 1)
	entries, err := bundle(base, first, tree.N)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(tree.N, n, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(entries[n-first]))
}

func bundle(base string, first, size int64) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: first >> height, W: 1 << height}
	if rest := size - first; rest < 1<<height {
		tile.W = int(rest)
	}
	data, err := fetch(base + "/" + strings.Replace(path(tile), "tile/0/", "tile/entries/", 1))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("a bundle ends inside an entry")
		}
		length := int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("a bundle has %d entries instead of %d", len(entries), tile.W)
	}
	return entries, nil
}

// tlog-tiles leaves the height out of the path of Go's checksum database, and nothing else.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

type tiles struct{ base string }

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := fetch(t.base + "/" + path(tile))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func fetch(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return ioutil.ReadAll(answer.Body)
}
