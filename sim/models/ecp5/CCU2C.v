// Behaviour of the ECP5 carry cell: two LUT4, each with a step of the carry chain.
module CCU2C #(
    parameter [15:0] INIT0 = 16'h0000,
    parameter [15:0] INIT1 = 16'h0000,
    parameter INJECT1_0 = "YES",
    parameter INJECT1_1 = "YES"
) (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    // The lower quarter of a LUT's table is also the generate function of its A and B.
    wire p0 = INIT0[{D0, C0, B0, A0}];
    wire g0 = INIT0[{2'b00, B0, A0}] & (INJECT1_0 != "YES");
    wire c1 = p0 ? CIN : g0;
    wire p1 = INIT1[{D1, C1, B1, A1}];
    wire g1 = INIT1[{2'b00, B1, A1}] & (INJECT1_1 != "YES");
    assign S0 = p0 ^ (CIN & (INJECT1_0 != "YES"));
    assign S1 = p1 ^ (c1 & (INJECT1_1 != "YES"));
    assign COUT = p1 ? c1 : g1;
endmodule
