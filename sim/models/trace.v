// Writes the machine's trace: fixed-width records, see sim/frame/trace.py. The file is `+trace=FILE`; without it nothing is written.
module trace_writer (
    input wire        clk,
    input wire        write,
    input wire [1:0]  bank,
    input wire [13:0] addr,
    input wire [7:0]  enable,
    input wire [63:0] data,
    input wire        window,
    input wire [63:0] window_data,
    input wire        segment,
    input wire [127:0] segment_data,
    input wire        frame_start,
    input wire        pass_start,
    input wire        pass_done,
    input wire        frame_done,
    input wire        record,
    input wire [31:0] record_data
);
    integer    file;
    reg [27:0] cycle;
    string     name;

    initial begin
        cycle = 0;
        file = 0;
        if ($value$plusargs("trace=%s", name)) file = $fopen(name, "w");
    end

    always @(posedge clk) begin
        cycle <= frame_start ? 1 : cycle + 1;
        if (file != 0) begin
            if (frame_start) $fwrite(file, "F%07h%h\n", 28'd0, 92'd0);
            if (pass_start) $fwrite(file, "S%07h%h\n", cycle, 92'd0);
            if (write) $fwrite(file, "W%07h%h%h%h%h\n", cycle, {2'd0, bank}, {2'd0, addr}, enable, data);
            if (window) $fwrite(file, "V%07h%h%h\n", cycle, 28'd0, window_data);
            if (segment) begin
                $fwrite(file, "C%07h%h%h\n", cycle, 28'd0, segment_data[63:0]);
                $fwrite(file, "C%07h%h%h\n", cycle, 28'd0, segment_data[127:64]);
            end
            if (pass_done) $fwrite(file, "D%07h%h\n", cycle, 92'd0);
            if (record) $fwrite(file, "K%07h%h%h\n", cycle, 60'd0, record_data);
            if (frame_done) begin
                $fwrite(file, "E%07h%h\n", cycle, 92'd0);
                $fflush(file);
            end
        end
    end

    final if (file != 0) $fclose(file);
endmodule
