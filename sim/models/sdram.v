// Single-data-rate SDRAM, 16 bits wide, that checks how it is used.
//
// `clk` is the memory's clock pin: on a board the inverse of the controller's clock, so commands are sampled in the middle of the
// cycle in which the controller shows them. Read data leave on `clk`'s rising edge CAS latency - 1 edges after the command; HALF_DELAY
// half cycles are added for pads and access time (1 is realistic for 90 to 143 MHz, 0 is an ideal memory).
//
// Time is counted in cycles of CLOCK_PS and compared with limits in picoseconds, independently of the controller's arithmetic.
// Each broken rule sets its bit of `violations` for good, counts in `errors`, prints a line (the first 20), and ends the run when FATAL is 1.
// Commands are obeyed all the same. Memory: `+sdram_hex=FILE` ($readmemh, halfwords); linear index {row, bank, column}.

module sdram #(
    parameter integer CLOCK_PS = 10000,
    parameter integer DEPTH = 4194304,           // halfwords that exist, from address 0
    parameter integer COLUMN_BITS = 9,           // 8..10
    parameter integer BANK_BITS = 2,             // 1 or 2
    parameter integer ROW_BITS = 13,
    parameter integer ADDRESS_PINS = 13,         // at least ROW_BITS and 11
    parameter integer HALF_DELAY = 1,            // 0..3
    parameter integer FATAL = 1,
    parameter [63:0] INIT_PS = 64'd200000000,    // pause before the first command
    parameter integer T_RCD = 21000,
    parameter integer T_RP = 21000,
    parameter integer T_RC = 67500,
    parameter integer T_RAS = 45000,
    parameter [63:0] T_RAS_MAX = 64'd100000000,
    parameter integer T_RRD = 15000,
    parameter integer N_RRD = 1,                 // cycles
    parameter integer T_RFC = 70000,
    parameter integer T_WR = 15000,
    parameter integer N_WR = 2,                  // cycles
    parameter integer N_MRD = 2,                 // cycles
    parameter [63:0] T_REFI = 64'd7812500,       // average refresh interval
    parameter [63:0] T_REFI_SLACK = 64'd7812500, // how late a refresh may be against the average ones before it
    parameter [63:0] T_REFI_MAX = 64'd15625000,  // longest gap between two refreshes
    parameter integer T_CK2 = 10000,             // least period at CAS latency 2
    parameter integer T_CK3 = 7000
) (
    input  wire        clk,
    input  wire        cke,
    input  wire        cs_n,
    input  wire        ras_n,
    input  wire        cas_n,
    input  wire        we_n,
    input  wire [BANK_BITS-1:0] ba,
    input  wire [ADDRESS_PINS-1:0] a,
    input  wire [1:0]  dqm,
    input  wire [15:0] dq_i,     // from the controller
    input  wire        dq_i_en,  // the controller drives
    output wire [15:0] dq_o,
    output wire        dq_o_en,
    output reg  [31:0] violations,
    output reg  [31:0] errors,
    output reg  [31:0] refreshes,
    output reg  [31:0] reads,
    output reg  [31:0] writes
);
    localparam INIT_PAUSE = 0, INIT_ORDER = 1, MODE = 2, MRD = 3, RCD = 4, RP = 5, RC = 6, RAS_MIN = 7, RAS_MAX = 8,
        RRD = 9, RFC = 10, WR = 11, REFRESH_AVERAGE = 12, REFRESH_GAP = 13, CLOSED = 14, OPEN = 15, CONTENTION = 16,
        WRITE_UNDRIVEN = 17, BURST_CUT = 18, ADDRESS = 19, CLOCK_ENABLE = 20, CLOCK_PERIOD = 21;

    localparam integer BANKS = 1 << BANK_BITS;
    localparam integer ADDRESS_BITS = ROW_BITS + BANK_BITS + COLUMN_BITS;

    localparam [15:0] UNDRIVEN = 16'hBAD0;  // what a controller sees that captures in the wrong cycle

    reg [15:0] mem [0:DEPTH-1];
    string hex;
    integer content;

    reg [63:0] now;
    reg [63:0] act [0:BANKS-1], pre [0:BANKS-1], wrote [0:BANKS-1];  // cycle of the last one, 0 = never
    reg [63:0] last_act, last_ref, last_mrs;
    reg [63:0] debt;      // picoseconds that refreshes are behind the average
    reg        open [0:BANKS-1];
    reg [ROW_BITS-1:0] row [0:BANKS-1];
    reg        precharged, ready;
    integer    init_refreshes;
    reg [2:0]  cas_latency;
    reg        single_write;
    reg [3:0]  burst_length;

    // Read burst: the halfwords that leave the array, then the pipeline of the CAS latency.
    reg [3:0]  left;
    reg [BANK_BITS-1:0] burst_bank;
    reg [ROW_BITS-1:0] burst_row;
    reg [COLUMN_BITS-1:0] burst_column;
    reg [15:0] stage_data, out_data, half_data, full_data;
    reg        stage_en, out_en, half_en, full_en;
    reg [15:0] first_data;
    reg        first_en;
    wire [COLUMN_BITS-1:0] in_burst = {{(COLUMN_BITS - 4){1'b0}}, burst_length - 4'd1};  // column bits inside a burst
    reg [1:0]  dqm_before;
    reg        driven_before;

    integer b;
    reg [ADDRESS_BITS-1:0] index;

    initial begin
        violations = 0; errors = 0; refreshes = 0; reads = 0; writes = 0;
        now = 1; last_act = 0; last_ref = 0; last_mrs = 0; debt = 0;
        precharged = 0; ready = 0; init_refreshes = 0; cas_latency = 0; single_write = 0; burst_length = 0;
        left = 0; stage_en = 0; out_en = 0; half_en = 0; full_en = 0; first_en = 0; dqm_before = 0; driven_before = 0;
        stage_data = UNDRIVEN; out_data = UNDRIVEN; half_data = UNDRIVEN; full_data = UNDRIVEN;
        for (b = 0; b < BANKS; b = b + 1) begin
            act[b] = 0; pre[b] = 0; wrote[b] = 0; open[b] = 0; row[b] = 0;
        end
        if ($value$plusargs("sdram_hex=%s", hex)) begin
            content = $fopen(hex, "r");
            if (content == 0) $fatal(1, "sdram: +sdram_hex=%0s cannot be read", hex);
            $fclose(content);
            $readmemh(hex, mem);
        end
    end

    task violation(input integer rule, input string text);
        begin
            violations[rule] = 1'b1;
            errors = errors + 1;
            if (errors <= 20) $display("sdram: cycle %0d, bank %0d: %s", now, ba, text);
            if (FATAL != 0) $fatal(1, "sdram: %s", text);
        end
    endtask

    // A limit that holds from an earlier command (0 = never given) to this one.
    task at_least(input [63:0] since, input integer limit_ps, input integer limit_cycles, input integer rule, input string text);
        if (since != 0 && ((now - since) * CLOCK_PS < limit_ps || now - since < limit_cycles)) violation(rule, text);
    endtask

    task close_bank(input integer n);
        begin
            if (open[n]) begin
                at_least(act[n], T_RAS, 0, RAS_MIN, "tRAS: PRECHARGE too soon after ACTIVATE");
                if ((now - act[n]) * CLOCK_PS > T_RAS_MAX) violation(RAS_MAX, "tRAS max: page open too long");
                at_least(wrote[n], T_WR, N_WR, WR, "tWR: PRECHARGE too soon after the last data");
                if (left != 0 && burst_bank == n[BANK_BITS-1:0]) begin
                    violation(BURST_CUT, "PRECHARGE cuts a read burst");
                    left = 0;
                end
            end
            open[n] = 0;
            pre[n] = now;
        end
    endtask

    function [ADDRESS_BITS-1:0] place(input [ROW_BITS-1:0] r, input [BANK_BITS-1:0] bank, input [COLUMN_BITS-1:0] c);
        place = {r, bank, c};
    endfunction

    always @(posedge clk) begin
        now = now + 1;

        // The burst under way gives its next halfword; the pipeline of the CAS latency moves.
        if (cas_latency == 2) begin
            out_en = first_en; out_data = first_data;
        end else begin
            out_en = stage_en; out_data = stage_data;
        end
        stage_en = first_en; stage_data = first_data;
        first_en = 0; first_data = UNDRIVEN;

        if (last_ref != 0 && (now - last_ref) * CLOCK_PS > T_REFI_MAX) begin
            violation(REFRESH_GAP, "no REFRESH for too long");
            last_ref = now;
        end

        if (!cs_n && {ras_n, cas_n, we_n} != 3'b111) begin
            if (!cke) violation(CLOCK_ENABLE, "command while CKE is low");
            if ((now - 1) * CLOCK_PS < INIT_PS) violation(INIT_PAUSE, "command before the pause after power-up is over");
            at_least(last_mrs, 0, N_MRD, MRD, "tMRD: command too soon after the mode register was set");
            if (!ready && {ras_n, cas_n, we_n} > 3'b010) violation(INIT_ORDER, "access before initialisation is complete");
            case ({ras_n, cas_n, we_n})
                3'b011: begin  // ACTIVATE
                    if (open[ba]) violation(OPEN, "ACTIVATE in a bank with an open page");
                    at_least(pre[ba], T_RP, 0, RP, "tRP: ACTIVATE too soon after PRECHARGE");
                    at_least(act[ba], T_RC, 0, RC, "tRC: ACTIVATE too soon after ACTIVATE of the same bank");
                    at_least(last_act, T_RRD, N_RRD, RRD, "tRRD: ACTIVATE too soon after ACTIVATE of another bank");
                    at_least(last_ref, T_RFC, 0, RFC, "tRFC: ACTIVATE too soon after REFRESH");
                    open[ba] = 1;
                    row[ba] = a[ROW_BITS-1:0];
                    act[ba] = now;
                    wrote[ba] = 0;
                    last_act = now;
                end
                3'b101, 3'b100: begin  // READ, WRITE
                    if (!open[ba]) violation(CLOSED, "READ or WRITE in a bank without an open page");
                    at_least(act[ba], T_RCD, 0, RCD, "tRCD: READ or WRITE too soon after ACTIVATE");
                    if (open[ba] && (now - act[ba]) * CLOCK_PS > T_RAS_MAX) violation(RAS_MAX, "tRAS max: page open too long");
                    if (a[10]) violation(MODE, "auto precharge is not modelled");
                    if (left != 0) violation(BURST_CUT, "READ or WRITE cuts a read burst");
                    left = 0;
                    index = place(row[ba], ba, a[COLUMN_BITS-1:0]);
                    if (index >= DEPTH) violation(ADDRESS, "address beyond the memory");
                    if (we_n) begin
                        reads = reads + 1;
                        left = burst_length;
                        burst_bank = ba;
                        burst_row = row[ba];
                        burst_column = a[COLUMN_BITS-1:0];
                    end else begin
                        writes = writes + 1;
                        if (!single_write && burst_length != 1) violation(MODE, "write bursts are not modelled");
                        if (!dq_i_en && dqm != 2'b11) violation(WRITE_UNDRIVEN, "WRITE without data");
                        wrote[ba] = now;
                        if (index < DEPTH) begin
                            if (!dqm[0]) mem[index][7:0] = dq_i[7:0];
                            if (!dqm[1]) mem[index][15:8] = dq_i[15:8];
                        end
                    end
                end
                3'b010: begin  // PRECHARGE
                    if (last_ref != 0) at_least(last_ref, T_RFC, 0, RFC, "tRFC: PRECHARGE too soon after REFRESH");
                    if (a[10]) for (b = 0; b < BANKS; b = b + 1) close_bank(b);
                    else close_bank(integer'(ba));
                    if (a[10]) precharged = 1;
                end
                3'b001: begin  // REFRESH
                    if (!precharged) violation(INIT_ORDER, "REFRESH before all banks were precharged");
                    for (b = 0; b < BANKS; b = b + 1) begin
                        if (open[b]) violation(OPEN, "REFRESH with an open page");
                        at_least(pre[b], T_RP, 0, RP, "tRP: REFRESH too soon after PRECHARGE");
                    end
                    at_least(last_ref, T_RFC, 0, RFC, "tRFC: REFRESH too soon after REFRESH");
                    if (ready) begin
                        debt = debt + (now - last_ref) * CLOCK_PS;
                        debt = debt > T_REFI ? debt - T_REFI : 0;
                        if (debt > T_REFI_SLACK) violation(REFRESH_AVERAGE, "refreshes are too rare on average");
                    end
                    last_ref = now;
                    refreshes = refreshes + 1;
                    init_refreshes = init_refreshes + 1;
                end
                3'b000: begin  // mode register
                    if (!precharged || init_refreshes < 8) violation(INIT_ORDER, "mode register set before PRECHARGE and 8 REFRESH");
                    for (b = 0; b < BANKS; b = b + 1) begin
                        if (open[b]) violation(OPEN, "mode register set with an open page");
                        at_least(pre[b], T_RP, 0, RP, "tRP: mode register set too soon after PRECHARGE");
                    end
                    at_least(last_ref, T_RFC, 0, RFC, "tRFC: mode register set too soon after REFRESH");
                    cas_latency = a[6:4];
                    single_write = a[9];
                    burst_length = 4'd1 << a[1:0];
                    if (ba != 0 || a >> 10 != 0 || a[8:7] != 0 || a[3:2] != 0 || (a[6:4] != 2 && a[6:4] != 3))
                        violation(MODE, "mode register value is reserved or not modelled");
                    if (CLOCK_PS < (a[6:4] == 2 ? T_CK2 : T_CK3)) violation(CLOCK_PERIOD, "clock too fast for the CAS latency");
                    last_mrs = now;
                    ready = 1;
                end
                default: violation(MODE, "BURST TERMINATE is not modelled");
            endcase
        end

        if (left != 0) begin
            index = place(burst_row, burst_bank, burst_column);
            first_data = index < DEPTH ? mem[index] : UNDRIVEN;
            first_en = 1;
            // Sequential bursts wrap inside their aligned block.
            burst_column = (burst_column & ~in_burst) | ((burst_column + 1'b1) & in_burst);
            left = left - 1;
        end

        // A mask two edges before a halfword is sampled keeps it off the bus.
        if (out_en) begin
            if (dqm_before[0]) out_data[7:0] = UNDRIVEN[7:0];
            if (dqm_before[1]) out_data[15:8] = UNDRIVEN[15:8];
        end
        dqm_before = dqm;
        if (!out_en) out_data = UNDRIVEN;

        // The controller drives from half a cycle before an edge to half a cycle after it; the memory from edge to edge, and a little more.
        if (full_en && (dq_i_en || driven_before)) violation(CONTENTION, "memory and controller drive the bus at once");
        driven_before = dq_i_en;
        full_en <= out_en;
        full_data <= out_data;
    end

    always @(negedge clk) begin
        half_en <= full_en;
        half_data <= full_data;
    end

    reg [15:0] late_data, latest_data;
    reg        late_en, latest_en;
    always @(posedge clk) begin
        late_en <= half_en;
        late_data <= half_data;
    end

    always @(negedge clk) begin
        latest_en <= late_en;
        latest_data <= late_data;
    end

    assign dq_o = HALF_DELAY == 0 ? full_data : HALF_DELAY == 1 ? half_data : HALF_DELAY == 2 ? late_data : latest_data;
    assign dq_o_en = HALF_DELAY == 0 ? full_en : HALF_DELAY == 1 ? half_en : HALF_DELAY == 2 ? late_en : latest_en;
endmodule
