// Writes an image into the activation memory after reset, a word per cycle: `+image_hex=FILE`, `+image_words=N` lines of 21 hexadecimal
// digits {bank 4 bits, word address 16 bits, data 64 bits} (see sim/frame/resident_system.py). `loaded` is 1 when all is written.
module image_loader #(
    parameter MOST = 1  // words of the activation memory
) (
    input wire         clk,
    input wire         rst,
    output wire        valid,
    output wire [1:0]  bank,
    output wire [13:0] addr,
    output wire [63:0] data,
    input wire         ready,
    output reg         loaded = 0
);
    reg [83:0] words [0:MOST-1];
    integer    count;
    integer    next = 0;
    integer    content;
    string     name;

    initial begin
        if (!$value$plusargs("image_hex=%s", name)) $fatal(1, "image_loader: no +image_hex=FILE");
        if (!$value$plusargs("image_words=%d", count)) $fatal(1, "image_loader: no +image_words=N");
        content = $fopen(name, "r");
        if (content == 0) $fatal(1, "image_loader: +image_hex=%0s cannot be read", name);
        $fclose(content);
        $readmemh(name, words, 0, count - 1);
    end

    assign valid = !rst && next < count;
    wire [83:0] word = words[valid ? next : 0];
    assign bank = word[81:80];
    assign addr = word[77:64];
    assign data = word[63:0];

    always @(posedge clk) begin
        if (valid && ready) next <= next + 1;
        loaded <= next == count;
    end
endmodule
