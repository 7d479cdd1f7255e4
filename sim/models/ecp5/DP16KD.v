// Behavioural model of the ECP5 block RAM, for simulation only.
//
// Modelled: one clock for both ports, equal widths of 1, 2, 4, 9 or 18 (two ports) or 36 (port A writes, port B reads: the
// lower half of the word at DOA, the upper at DOB), output registers always enabled, write mode NORMAL, no reset, no chip
// select. These are the modes that hw/ecp5/bram.py uses; others stop the simulation. Reading a word through one port in
// the cycle in which the other writes it gives the complement of the old content, so that a user of such data is noticed.
//
// With `+content=FOLDER` a block whose file `<hierarchical name>.hex` is there takes its initial content from it instead of from
// the parameters: 64 lines as INITVAL_00 to INITVAL_3F. The name is without `$` and what follows it in a part, which is what an instance
// is given that bears a signal's name.
module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
        DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
        DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter GSR = "ENABLED";
    parameter [319:0] INITVAL_00 = 320'h0;
    parameter [319:0] INITVAL_01 = 320'h0;
    parameter [319:0] INITVAL_02 = 320'h0;
    parameter [319:0] INITVAL_03 = 320'h0;
    parameter [319:0] INITVAL_04 = 320'h0;
    parameter [319:0] INITVAL_05 = 320'h0;
    parameter [319:0] INITVAL_06 = 320'h0;
    parameter [319:0] INITVAL_07 = 320'h0;
    parameter [319:0] INITVAL_08 = 320'h0;
    parameter [319:0] INITVAL_09 = 320'h0;
    parameter [319:0] INITVAL_0A = 320'h0;
    parameter [319:0] INITVAL_0B = 320'h0;
    parameter [319:0] INITVAL_0C = 320'h0;
    parameter [319:0] INITVAL_0D = 320'h0;
    parameter [319:0] INITVAL_0E = 320'h0;
    parameter [319:0] INITVAL_0F = 320'h0;
    parameter [319:0] INITVAL_10 = 320'h0;
    parameter [319:0] INITVAL_11 = 320'h0;
    parameter [319:0] INITVAL_12 = 320'h0;
    parameter [319:0] INITVAL_13 = 320'h0;
    parameter [319:0] INITVAL_14 = 320'h0;
    parameter [319:0] INITVAL_15 = 320'h0;
    parameter [319:0] INITVAL_16 = 320'h0;
    parameter [319:0] INITVAL_17 = 320'h0;
    parameter [319:0] INITVAL_18 = 320'h0;
    parameter [319:0] INITVAL_19 = 320'h0;
    parameter [319:0] INITVAL_1A = 320'h0;
    parameter [319:0] INITVAL_1B = 320'h0;
    parameter [319:0] INITVAL_1C = 320'h0;
    parameter [319:0] INITVAL_1D = 320'h0;
    parameter [319:0] INITVAL_1E = 320'h0;
    parameter [319:0] INITVAL_1F = 320'h0;
    parameter [319:0] INITVAL_20 = 320'h0;
    parameter [319:0] INITVAL_21 = 320'h0;
    parameter [319:0] INITVAL_22 = 320'h0;
    parameter [319:0] INITVAL_23 = 320'h0;
    parameter [319:0] INITVAL_24 = 320'h0;
    parameter [319:0] INITVAL_25 = 320'h0;
    parameter [319:0] INITVAL_26 = 320'h0;
    parameter [319:0] INITVAL_27 = 320'h0;
    parameter [319:0] INITVAL_28 = 320'h0;
    parameter [319:0] INITVAL_29 = 320'h0;
    parameter [319:0] INITVAL_2A = 320'h0;
    parameter [319:0] INITVAL_2B = 320'h0;
    parameter [319:0] INITVAL_2C = 320'h0;
    parameter [319:0] INITVAL_2D = 320'h0;
    parameter [319:0] INITVAL_2E = 320'h0;
    parameter [319:0] INITVAL_2F = 320'h0;
    parameter [319:0] INITVAL_30 = 320'h0;
    parameter [319:0] INITVAL_31 = 320'h0;
    parameter [319:0] INITVAL_32 = 320'h0;
    parameter [319:0] INITVAL_33 = 320'h0;
    parameter [319:0] INITVAL_34 = 320'h0;
    parameter [319:0] INITVAL_35 = 320'h0;
    parameter [319:0] INITVAL_36 = 320'h0;
    parameter [319:0] INITVAL_37 = 320'h0;
    parameter [319:0] INITVAL_38 = 320'h0;
    parameter [319:0] INITVAL_39 = 320'h0;
    parameter [319:0] INITVAL_3A = 320'h0;
    parameter [319:0] INITVAL_3B = 320'h0;
    parameter [319:0] INITVAL_3C = 320'h0;
    parameter [319:0] INITVAL_3D = 320'h0;
    parameter [319:0] INITVAL_3E = 320'h0;
    parameter [319:0] INITVAL_3F = 320'h0;

    localparam [20479:0] INIT = {INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
        INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27,
        INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E,
        INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16, INITVAL_15,
        INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C,
        INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03,
        INITVAL_02, INITVAL_01, INITVAL_00};
    localparam WIDTH = DATA_WIDTH_A;
    // Unused low address pins: 0 for 1 bit, 1 for 2, 2 for 4, 3 for 9, 4 for 18, 5 for 36.
    localparam LOW = WIDTH == 36 ? 5 : WIDTH == 18 ? 4 : WIDTH == 9 ? 3 : WIDTH == 4 ? 2 : WIDTH == 2 ? 1 : 0;
    localparam WORDS = 16384 >> LOW;
    localparam HALF = WIDTH == 36 ? 18 : WIDTH;

    reg [WIDTH-1:0] memory [0:WORDS-1];
    reg [WIDTH-1:0] latch_a = 0;
    reg [WIDTH-1:0] latch_b = 0;
    reg [WIDTH-1:0] out_a = 0;
    reg [WIDTH-1:0] out_b = 0;

    wire [13:0] pins_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] pins_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] dia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
        DIA3, DIA2, DIA1, DIA0};
    wire [17:0] dib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
        DIB3, DIB2, DIB1, DIB0};
    wire [13-LOW:0] addr_a = pins_a[13:LOW];
    wire [13-LOW:0] addr_b = pins_b[13:LOW];

    reg [319:0] rows [0:63];
    string folder, path, name;
    integer file;
    reg     skip;

    function [8:0] unit(input integer index);
        unit = rows[index / 32][(index / 2 % 16) * 20 + (index % 2) * 9 +: 9];
    endfunction

    // Nine-bit units hold narrower words in their low eight bits, wider words take several units.
    integer i;
    initial begin
        for (i = 0; i < 64; i = i + 1) rows[i] = INIT[320 * i +: 320];
        if ($value$plusargs("content=%s", folder)) begin
            $sformat(path, "%m");
            name = {folder, "/"};
            skip = 0;
            for (i = 0; i < path.len(); i = i + 1) begin
                if (path[i] == "$") skip = 1;
                if (path[i] == ".") skip = 0;
                if (!skip) name = {name, string'(path[i])};
            end
            name = {name, ".hex"};
            file = $fopen(name, "r");
            if (file != 0) begin
                $fclose(file);
                $readmemh(name, rows);
            end
        end
        for (i = 0; i < WORDS; i = i + 1)
            if (WIDTH == 36) memory[i] = WIDTH'({unit(4*i + 3), unit(4*i + 2), unit(4*i + 1), unit(4*i)});
            else if (WIDTH == 18) memory[i] = WIDTH'({unit(2*i + 1), unit(2*i)});
            else if (WIDTH == 9) memory[i] = WIDTH'(unit(i));
            else memory[i] = WIDTH'(unit(i / (8 / WIDTH)) >> (WIDTH * (i % (8 / WIDTH))));
    end

    wire unsupported = DATA_WIDTH_A != DATA_WIDTH_B || REGMODE_A != "OUTREG" || REGMODE_B != "OUTREG"
        || WRITEMODE_A != "NORMAL" || WRITEMODE_B != "NORMAL" || CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
        || !OCEA || !OCEB || RSTA || RSTB || CSA2 || CSA1 || CSA0 || CSB2 || CSB1 || CSB0;

    always @(posedge CLKA) if (unsupported) $fatal(1, "DP16KD model: a mode that is not modelled");

    generate
        if (WIDTH == 36) begin : pseudo_dual
            always @(posedge CLKA) begin
                if (CEB) latch_b <= CEA && addr_a == addr_b ? ~memory[addr_b] : memory[addr_b];
                if (CEA) begin
                    if (pins_a[0]) memory[addr_a][8:0] <= dia[8:0];
                    if (pins_a[1]) memory[addr_a][17:9] <= dia[17:9];
                    if (pins_a[2]) memory[addr_a][26:18] <= dib[8:0];
                    if (pins_a[3]) memory[addr_a][35:27] <= dib[17:9];
                end
                out_b <= latch_b;
            end
        end else begin : true_dual
            wire same = addr_a == addr_b;
            wire write_a = CEA && WEA;
            wire write_b = CEB && WEB;
            always @(posedge CLKA) begin
                if (CEA && !WEA) latch_a <= write_b && same ? ~memory[addr_a] : memory[addr_a];
                if (CEB && !WEB) latch_b <= write_a && same ? ~memory[addr_b] : memory[addr_b];
                out_a <= latch_a;
                out_b <= latch_b;
            end
            if (WIDTH == 18) begin : byte_enables
                always @(posedge CLKA) begin
                    if (write_a && pins_a[0]) memory[addr_a][8:0] <= dia[8:0];
                    if (write_a && pins_a[1]) memory[addr_a][17:9] <= dia[17:9];
                    if (write_b && pins_b[0]) memory[addr_b][8:0] <= dib[8:0];
                    if (write_b && pins_b[1]) memory[addr_b][17:9] <= dib[17:9];
                end
            end else begin : whole_words
                always @(posedge CLKA) begin
                    if (write_a) memory[addr_a] <= dia[HALF-1:0];
                    if (write_b) memory[addr_b] <= dib[HALF-1:0];
                end
            end
        end
    endgenerate

    wire [17:0] doa = WIDTH == 36 ? out_b[HALF-1:0] : 18'(out_a);
    wire [17:0] dob = WIDTH == 36 ? out_b[WIDTH-1:WIDTH-HALF] : 18'(out_b);
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0} = doa;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0} = dob;
endmodule
