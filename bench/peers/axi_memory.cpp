// Runs an NNgen accelerator once: an AXI4 memory behind its master port, and the writes to its registers that start it.
//
// Arguments: +image=FILE (bytes of the memory before), +result=FILE (bytes after), +latency=CYCLES (from the address of a burst to its
// first beat), +interval=CYCLES (between beats, reads and writes together), +limit=CYCLES.  Prints "cycles N reads N writes N": cycles from the
// write of the start register to the interrupt, and bytes moved.
//
// The most that an AXI4 memory can do, but for latency and interval: addresses are taken in every cycle, bursts follow one another without
// a gap, writes are taken at once.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr unsigned START = 16, INTERRUPT_ENABLE = 40;  // byte addresses of registers

struct Burst {
    uint64_t address;
    unsigned beats;
    uint64_t ready;
};

[[noreturn]] void fail(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::exit(1);
}

std::string argument(VerilatedContext& context, const char* name) {
    const std::string prefix = std::string("+") + name + "=";
    const std::string match = context.commandArgsPlusMatch(prefix.substr(1).c_str());
    if (match.empty()) fail("missing argument " + prefix);
    return match.substr(prefix.size());
}

// Data ports are integers up to 64 bits and arrays of words above; both are little-endian bytes in memory.
template <typename Port>
uint8_t* bytes(Port& port) {
    return reinterpret_cast<uint8_t*>(&port);
}

}  // namespace

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vtop top{&context};

    std::vector<uint8_t> memory;
    const std::string image = argument(context, "image"), result = argument(context, "result");
    std::FILE* file = std::fopen(image.c_str(), "rb");
    if (!file) fail("cannot read " + image);
    for (int octet; (octet = std::fgetc(file)) != EOF;) memory.push_back(static_cast<uint8_t>(octet));
    std::fclose(file);
    const uint64_t latency = std::stoull(argument(context, "latency"));
    const uint64_t interval = std::stoull(argument(context, "interval"));
    const uint64_t limit = std::stoull(argument(context, "limit"));

    std::deque<Burst> reads, writes;
    const std::vector<std::pair<unsigned, unsigned>> registers = {{INTERRUPT_ENABLE, 1}, {START, 1}};
    size_t next_register = 0;
    bool address_taken = false, data_taken = false;
    unsigned responses = 0;
    uint64_t started = 0, cycle = 0, free_from = 0, bytes_read = 0, bytes_written = 0;

    const auto in_memory = [&](uint64_t address, unsigned size) {
        if (address + size > memory.size()) fail("access beyond the memory at " + std::to_string(address));
        return memory.data() + address;
    };

    top.CLK = 0;
    top.RESETN = 0;
    top.saxi_bready = 1;
    top.saxi_wstrb = 15;
    top.eval();
    for (; cycle < limit; ++cycle) {
        // Before the edge: what is offered now is transferred at its end.
        const unsigned width = 1u << top.maxi_arsize;
        const bool up = cycle >= 16;
        top.maxi_arready = up;
        top.maxi_awready = up;
        const bool bus_free = cycle >= free_from;
        const bool read = bus_free && !reads.empty() && reads.front().ready <= cycle;
        top.maxi_rvalid = read;
        if (read) std::memcpy(bytes(top.maxi_rdata), in_memory(reads.front().address, width), width);
        top.maxi_rlast = read && reads.front().beats == 1;
        top.maxi_wready = bus_free && !read && !writes.empty();
        top.maxi_bvalid = responses > 0;
        const bool write_register = up && next_register < registers.size();
        top.saxi_awvalid = write_register && !address_taken;
        top.saxi_wvalid = write_register && !data_taken;
        if (write_register) {
            top.saxi_awaddr = registers[next_register].first;
            top.saxi_wdata = registers[next_register].second;
        }
        top.eval();

        if (top.maxi_rvalid && top.maxi_rready) {
            Burst& burst = reads.front();
            burst.address += width;
            bytes_read += width;
            if (--burst.beats == 0) reads.pop_front();
            free_from = cycle + interval;
        }
        if (top.maxi_wvalid && top.maxi_wready) {
            Burst& burst = writes.front();
            uint8_t* place = in_memory(burst.address, width);
            for (unsigned i = 0; i < width; ++i)
                if (top.maxi_wstrb >> i & 1) place[i] = bytes(top.maxi_wdata)[i], ++bytes_written;
            burst.address += width;
            if ((--burst.beats == 0) != bool(top.maxi_wlast)) fail("a write burst ends at the wrong beat");
            if (burst.beats == 0) writes.pop_front(), ++responses;
            free_from = cycle + interval;
        }
        if (top.maxi_bvalid && top.maxi_bready) --responses;
        if (top.maxi_arvalid && top.maxi_arready)
            reads.push_back({top.maxi_araddr, unsigned(top.maxi_arlen) + 1, cycle + latency});
        if (top.maxi_awvalid && top.maxi_awready)
            writes.push_back({top.maxi_awaddr, unsigned(top.maxi_awlen) + 1, cycle});
        address_taken |= top.saxi_awvalid && top.saxi_awready;
        data_taken |= top.saxi_wvalid && top.saxi_wready;
        if (address_taken && data_taken) {
            if (registers[next_register].first == START) started = cycle;
            ++next_register;
            address_taken = data_taken = false;
        }
        const bool ended = started && top.irq;

        top.CLK = 1;
        top.eval();
        top.RESETN = cycle >= 8;
        top.CLK = 0;
        if (ended) break;
    }
    if (cycle == limit) fail("no interrupt after " + std::to_string(limit) + " cycles");
    if (!reads.empty() || !writes.empty()) fail("bursts are left over at the end");
    file = std::fopen(result.c_str(), "wb");
    if (!file || std::fwrite(memory.data(), 1, memory.size(), file) != memory.size() || std::fclose(file))
        fail("cannot write " + result);
    std::printf("cycles %llu reads %llu writes %llu\n", (unsigned long long)(cycle - started),
                (unsigned long long)bytes_read, (unsigned long long)bytes_written);
    top.final();
    return 0;
}
